// Calls that do not come to an end of their own: deadlines, cancels, upstreams that die or are not there, and what has
// no route; between a real gRPC client and a real gRPC server.
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <string>

#include "tests/fakes/tcp_link.h"
#include "tests/gateway/rig.h"

namespace sallyport::testing {
namespace {

Methods Both() { return GENERATE(Methods::kKnown, Methods::kUnknown); }

grpc::Status EchoUnary(ScriptedCall& call) {
  std::string request = call.Read().value_or("");
  call.Write(request);
  return grpc::Status::OK;
}

}  // namespace

TEST_CASE("the upstream sees what is left of the caller's deadline") {
  std::atomic<int64_t> left_ms{0};
  auto look = [&](ScriptedCall& call) {
    left_ms = std::chrono::duration_cast<std::chrono::milliseconds>(call.context().deadline() -
                                                                    std::chrono::system_clock::now())
                  .count();
    return EchoUnary(call);
  };
  Rig rig({{kUnary, look}, {kBidi, look}}, Both());
  for (const char* path : {kUnary, kBidi}) {
    BlockingCall call(rig.channel(), path);
    call.context().set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(100));
    call.Start();
    call.Write("x", grpc::WriteOptions().set_last_message());
    call.Read();
    CHECK(call.Finish().ok());
    CHECK(left_ms > 50'000);
    // gRPC's own encoding of a timeout rounds up by as much as one percent, on each leg.
    CHECK(left_ms <= 102'000);
  }
}

TEST_CASE("a deadline that passes ends both legs and is recorded as such") {
  auto hang = [](ScriptedCall& call) {
    call.Read();
    call.AwaitCancel();
    return grpc::Status(grpc::StatusCode::CANCELLED, "");
  };
  Rig rig({{kUnary, hang}, {kBidi, hang}}, Both());
  for (const char* path : {kUnary, kBidi}) {
    BlockingCall call(rig.channel(), path);
    call.context().set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
    call.Start();
    call.Write("x", grpc::WriteOptions().set_last_message());
    CHECK_FALSE(call.Read().has_value());
    CHECK(call.Finish().error_code() == grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  for (const recorder::CallSummary& call : rig.Calls()) {
    CHECK(call.end_reason == v1::END_REASON_DEADLINE);
    CHECK(call.status_code == grpc::StatusCode::DEADLINE_EXCEEDED);
    // Whether the caller's library or the gateway comes first, it is known which.
    const v1::Told told = rig.Entries(call.id).back().end().told();
    CHECK((told == v1::TOLD_STATUS || told == v1::TOLD_NOTHING));
  }
  CHECK(rig.Calls().size() == 2);
}

TEST_CASE("a caller's cancel reaches the upstream and is recorded as such") {
  std::promise<void> reached;
  std::promise<void> cancelled;
  auto hang = [&](ScriptedCall& call) {
    call.Read();
    reached.set_value();
    call.AwaitCancel();
    if (call.cancelled()) cancelled.set_value();
    return grpc::Status(grpc::StatusCode::CANCELLED, "");
  };
  const char* path = GENERATE(kUnary, kBidi);
  Rig rig({{path, hang}}, Both());
  BlockingCall call(rig.channel(), path);
  call.Start();
  call.Write("x");
  REQUIRE(reached.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  call.context().TryCancel();
  CHECK(call.Finish().error_code() == grpc::StatusCode::CANCELLED);
  REQUIRE(cancelled.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  REQUIRE(rig.Calls().size() == 1);
  CHECK(rig.Calls()[0].end_reason == v1::END_REASON_CANCELLED);
  CHECK(rig.Calls()[0].status_code == grpc::StatusCode::CANCELLED);
}

TEST_CASE("a client stream that is cut is not passed on as complete") {
  std::promise<bool> whole;
  std::promise<void> begun;
  auto collect = [&](ScriptedCall& call) {
    call.Read();
    begun.set_value();
    while (call.Read().has_value()) {
    }
    call.AwaitCancel();
    whole.set_value(!call.cancelled());
    return grpc::Status::OK;
  };
  Rig rig({{kClientStream, collect}}, Both());
  BlockingCall call(rig.channel(), kClientStream);
  call.Start();
  call.Write("part");
  REQUIRE(begun.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  call.context().TryCancel();
  call.Finish();
  CHECK_FALSE(whole.get_future().get());
}

TEST_CASE("an upstream that dies in a call gives the caller UNAVAILABLE and is recorded as a failure of the upstream") {
  std::promise<void> reached;
  const char* path = GENERATE(kUnary, kBidi);
  bool headers_first = GENERATE(true, false);
  auto hang = [&](ScriptedCall& call) {
    call.Read();
    if (headers_first) call.SendHeaders();
    reached.set_value();
    call.AwaitCancel();
    return grpc::Status(grpc::StatusCode::CANCELLED, "");
  };
  std::unique_ptr<TcpLink> link;
  Rig rig({{path, hang}}, Both(), [&](gateway::GatewayOptions& options) {
    link = std::make_unique<TcpLink>(options.upstreams[0].target);
    options.upstreams[0].target = link->address();
  });
  BlockingCall call(rig.channel(), path);
  call.Start();
  call.Write("x", grpc::WriteOptions().set_last_message());
  REQUIRE(reached.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  link->Cut();
  CHECK_FALSE(call.Read().has_value());
  grpc::Status status = call.Finish();
  CHECK(status.error_code() == grpc::StatusCode::UNAVAILABLE);
  REQUIRE(rig.Calls().size() == 1);
  INFO(status.error_message());
  CHECK(rig.Calls()[0].end_reason == v1::END_REASON_UPSTREAM_FAILURE);
}

TEST_CASE("UNAVAILABLE that the upstream itself answers with is not taken for its failure") {
  Rig rig({{kUnary,
            [](ScriptedCall& call) {
              call.Read();
              return grpc::Status(grpc::StatusCode::UNAVAILABLE, "come back later");
            }}},
          Both());
  CHECK(CallUnary(rig.channel(), kUnary, "x").status.error_message() == "come back later");
  REQUIRE(rig.Calls().size() == 1);
  CHECK(rig.Calls()[0].end_reason == v1::END_REASON_COMPLETED);
}

TEST_CASE("an upstream that is not there gives the caller UNAVAILABLE") {
  Rig rig({}, Both());
  rig.upstream().Kill();
  UnaryResult result = CallUnary(rig.channel(), kUnary, "x");
  CHECK(result.status.error_code() == grpc::StatusCode::UNAVAILABLE);
  REQUIRE(rig.Calls().size() == 1);
  CHECK(rig.Calls()[0].end_reason == v1::END_REASON_UPSTREAM_FAILURE);
}

TEST_CASE("a call without a route is refused with UNIMPLEMENTED and recorded") {
  Rig rig({{kUnary, EchoUnary}}, Both(),
          [](gateway::GatewayOptions& options) { options.routes[0].match.add_services("other.*"); });
  UnaryResult result = CallUnary(rig.channel(), kUnary, "x");
  CHECK(result.status.error_code() == grpc::StatusCode::UNIMPLEMENTED);
  CHECK(result.status.error_message() == "no route for test.v1.Echo/Unary");
  REQUIRE(rig.Calls().size() == 1);
  CHECK(rig.Calls()[0].method == "test.v1.Echo/Unary");
  CHECK(rig.Calls()[0].end_reason == v1::END_REASON_REFUSED);
  CHECK(rig.Calls()[0].upstream.empty());
}

TEST_CASE("a method that the upstream does not have gives the upstream's UNIMPLEMENTED") {
  Rig rig({}, Both());
  UnaryResult result = CallUnary(rig.channel(), "/test.v1.Echo/Nothing", "x");
  CHECK(result.status.error_code() == grpc::StatusCode::UNIMPLEMENTED);
  CHECK(result.status.error_message() == "no script");
  REQUIRE(rig.Calls().size() == 1);
  CHECK(rig.Calls()[0].end_reason == v1::END_REASON_COMPLETED);
}

}  // namespace sallyport::testing
