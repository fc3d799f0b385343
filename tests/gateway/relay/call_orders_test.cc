// The relay's state machine with every order of events that the two sides, the recorder and the caller's patience can
// produce.
#include <catch2/catch.hpp>
#include <random>

#include "tests/gateway/relay/call_world.h"

namespace sallyport::gateway {
namespace {

// Tries every order, depth first.
size_t Explore(const World& world) {
  auto next = world.Next();
  if (next.empty()) {
    World end = world;
    end.CheckEnded();
    return 1;
  }
  size_t orders = 0;
  for (const auto& step : next) {
    World after = world;
    step(after);
    orders += Explore(after);
  }
  return orders;
}

World Begun(World world) {
  world.Do("begin", world.call.Begin());
  return world;
}

void Wander(World world, uint32_t seed) {
  std::mt19937 random(seed);
  for (auto next = world.Next(); !next.empty(); next = world.Next()) next[random() % next.size()](world);
  world.CheckEnded();
}

TEST_CASE("a call that any stage may turn away, and that may be given up at any time, ends well in every order") {
  World world(GENERATE(Arity::kUnary, Arity::kStream), GENERATE(0, 1), 0);
  world.held = GENERATE(false, true);
  world.may_turn_away = true;
  world.may_refuse = GENERATE(false, true);
  world.may_cancel = GENERATE(false, true);
  CHECK(Explore(Begun(world)) > 10);
}

TEST_CASE("a stream of one frame each way ends well in every order of events") {
  World world = Begun(World(Arity::kStream, 1, 1));
  CHECK(Explore(world) > 100);
}

TEST_CASE("a unary call ends well in every order of events, a cancel at any time included") {
  World world(Arity::kUnary, 1, 1);
  world.may_cancel = true;
  CHECK(Explore(Begun(world)) > 100);
}

TEST_CASE("an empty stream that may be cancelled ends well in every order of events") {
  World world(Arity::kStream, 0, 0);
  world.may_cancel = true;
  CHECK(Explore(Begun(world)) > 100);
}

TEST_CASE("a unary call whose recording may fail at any append ends well in every order of events") {
  World world(Arity::kUnary, 1, 1);
  world.may_fail_recording = true;
  CHECK(Explore(Begun(world)) > 10);
}

TEST_CASE("a call whose log may lack space at any append ends well in every order of events") {
  World world(GENERATE(Arity::kUnary, Arity::kStream), 1, 1);
  world.may_lack_space = true;
  CHECK(Explore(Begun(world)) > 10);
}

TEST_CASE("a unary call that the gateway may end at any time ends well in every order of events, cancels included") {
  World world(Arity::kUnary, 1, 1);
  world.may_refuse = true;
  world.may_cancel = GENERATE(false, true);
  CHECK(Explore(Begun(world)) > 100);
}

TEST_CASE("a stream that the gateway may end at any time ends well in every order of events") {
  World world(Arity::kStream, 0, 1);
  world.may_refuse = true;
  world.may_cancel = GENERATE(false, true);
  CHECK(Explore(Begun(world)) > 100);
}

TEST_CASE("a unary call whose deadline may pass at any time ends well in every order of events, cancels included") {
  World world(Arity::kUnary, 1, 1);
  world.may_expire = true;
  world.may_cancel = GENERATE(false, true);
  CHECK(Explore(Begun(world)) > 100);
}

TEST_CASE("a stream whose deadline may pass at any time ends well in every order of events") {
  World world(Arity::kStream, 0, 1);
  world.may_expire = true;
  world.may_cancel = GENERATE(false, true);
  CHECK(Explore(Begun(world)) > 100);
}

TEST_CASE("a call that is held or turned away, and whose deadline may pass meanwhile, ends well in every order") {
  World world(GENERATE(Arity::kUnary, Arity::kStream), GENERATE(0, 1), 0);
  world.held = GENERATE(false, true);
  world.may_turn_away = true;
  world.may_expire = true;
  CHECK(Explore(Begun(world)) > 10);
}

TEST_CASE("a caller that does not read is told an end that the gateway makes, in every order of events") {
  World world(Arity::kStream, 0, 1);
  world.may_refuse = GENERATE(false, true);
  world.may_expire = !world.may_refuse;
  world.caller_stands = true;
  CHECK(Explore(Begun(world)) > 100);
}

TEST_CASE("a method known to be unary that is called without a message ends well in every order of events") {
  World world(Arity::kUnary, 0, 1);
  CHECK(Explore(Begun(world)) > 10);
}

TEST_CASE(
    "streams with cancels, deadlines, ends of the gateway's, failing writes and a failing log end well in 300,000 "
    "random "
    "orders") {
  for (uint32_t seed = 0; seed < 300'000; ++seed) {
    World world(seed % 3 == 0 ? Arity::kUnary : Arity::kStream, static_cast<int>(seed % 5),
                static_cast<int>(seed / 5 % 5));
    world.may_cancel = seed % 2 == 0;
    world.may_fail_recording = seed % 7 == 0;
    world.may_lack_space = seed % 13 < 3;
    world.may_fail_writes = seed % 4 == 0;
    world.may_refuse = seed % 3 != 0 || seed % 5 == 0;
    world.may_expire = seed % 23 < 7;
    world.caller_stands = (world.may_refuse || world.may_expire) && seed % 11 == 0;
    world.held = seed % 17 < 5;
    world.may_turn_away = seed % 19 < 3;
    Wander(Begun(world), seed);
  }
}

}  // namespace
}  // namespace sallyport::gateway
