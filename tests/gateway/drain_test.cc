// How a gateway stops, and how its settings change under way, with a whole gateway.
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>

#include "absl/time/clock.h"
#include "tests/gateway/rig.h"

namespace sallyport::testing {
namespace {

std::map<std::string, ScriptedServer::Script> Echo() {
  const ScriptedServer::Script echo = [](ScriptedCall& call) {
    while (const std::optional<std::string> message = call.Read()) call.Write(*message);
    return grpc::Status::OK;
  };
  return {{kUnary, echo}, {kBidi, echo}};
}

gateway::EventReceiverOptions EventsInto(const std::string& path, const std::string& name = "siem") {
  gateway::EventReceiverOptions receiver;
  receiver.name = name;
  receiver.kind = gateway::EventFileOptions{path};
  return receiver;
}

std::string TextOf(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("calls are taken as before while drain.delay lasts, and a drain that is called off leaves all as it was") {
  Rig rig(Echo(), Methods::kKnown);
  std::atomic<bool> called_off{false};
  gateway::DrainPlan plan;
  plan.delay = absl::Seconds(60);
  plan.called_off = [&called_off] { return called_off.load(); };
  std::future<bool> drained = std::async(std::launch::async, [&] { return rig.gateway().Drain(plan); });
  CHECK(CallUnary(Dial(rig.address()), kUnary, "").status.ok());
  called_off = true;
  CHECK_FALSE(drained.get());
  CHECK(CallUnary(Dial(rig.address()), kUnary, "").status.ok());
}

TEST_CASE("a drain that was handed over takes no connections, and takes them again when it is called off") {
  Rig rig(Echo(), Methods::kKnown);
  std::atomic<bool> called_off{false};
  gateway::DrainPlan plan;
  plan.timeout = absl::Seconds(60);
  plan.handed_over = true;
  BlockingCall open(rig.channel(), kBidi);
  REQUIRE(open.Start());
  REQUIRE(open.Write("a"));
  REQUIRE(open.Read().has_value());
  plan.called_off = [&called_off] { return called_off.load(); };
  std::future<bool> drained = std::async(std::launch::async, [&] { return rig.gateway().Drain(plan); });
  std::future<bool> later =
      std::async(std::launch::async, [&] { return CallUnary(Dial(rig.address()), kUnary, "").status.ok(); });
  called_off = true;
  CHECK_FALSE(drained.get());
  CHECK(later.get());
  REQUIRE(open.Write("b"));
  CHECK(open.Read() == "b");
}

TEST_CASE("limits and addresses change on a reload, and open calls go on") {
  gateway::GatewayOptions options;
  Rig rig(Echo(), Methods::kKnown, [&options](gateway::GatewayOptions& given) { options = given; });
  BlockingCall open(rig.channel(), kBidi);
  REQUIRE(open.Start());
  REQUIRE(open.Write("a"));
  REQUIRE(open.Read().has_value());
  options.message_bytes = 10;
  options.listen = {"127.0.0.1:0", "localhost:0"};
  REQUIRE(rig.gateway().Reload(options).ok());
  REQUIRE(rig.gateway().addresses().size() == 2);
  CHECK(CallUnary(Dial(rig.gateway().addresses()[1]), kUnary, std::string(20, 'x')).status.error_code() ==
        grpc::StatusCode::RESOURCE_EXHAUSTED);
  REQUIRE(open.Write("b"));
  CHECK(open.Read() == "b");
  SECTION("an address that cannot be had leaves all as it was") {
    options.listen = {"127.0.0.1:0", "192.0.2.1:1"};
    options.message_bytes = 100;
    CHECK_FALSE(rig.gateway().Reload(options).ok());
    CHECK(rig.gateway().addresses().size() == 2);
    CHECK(CallUnary(Dial(rig.gateway().addresses()[1]), kUnary, std::string(20, 'x')).status.error_code() ==
          grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
}

TEST_CASE("a reload that is refused leaves receivers of events and rules as they were") {
  const TemporaryDirectory directory;
  const std::string before = directory.path() + "/before.json";
  const std::string after = directory.path() + "/after.json";
  gateway::GatewayOptions options;
  Rig rig(Echo(), Methods::kKnown, [&](gateway::GatewayOptions& given) {
    given.events = {EventsInto(before)};
    options = given;
  });
  const std::string closed = directory.path() + "/closed.yaml";
  std::ofstream(closed) << "access: {default: deny}\n";
  options.events = {EventsInto(after)};
  options.policy_file = closed;
  SECTION("where one of the receivers cannot be made") {
    // The one that changes is made, and has ended as it was, before it turns out that the other cannot be.
    REQUIRE(std::filesystem::create_directory(rig.data() + "/events/broken.cursor"));
    options.events.push_back(EventsInto(directory.path() + "/broken.json", "broken"));
  }
  SECTION("where the policy is not in order") { std::ofstream(closed) << "nonsense: [\n"; }
  SECTION("where descriptors cannot be read") { options.descriptor_files = {directory.path() + "/none.binpb"}; }
  CHECK_FALSE(rig.gateway().Reload(options).ok());
  CHECK(CallUnary(rig.channel(), kUnary, "").status.ok());
  REQUIRE(rig.Calls().size() == 1);  // it has stopped, and told what there was
  CHECK_THAT(TextOf(before), Catch::Contains("test.v1.Echo"));
  CHECK_FALSE(std::filesystem::exists(after));
}

}  // namespace
}  // namespace sallyport::testing
