// Connections from accepting to calls, with a whole gateway or with servers that take turns.
#include "gateway/listener/listener.h"

#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "gateway/listener/call_server.h"
#include "tests/gateway/rig.h"

namespace sallyport::gateway {
namespace {

using testing::BlockingCall;
using testing::CallUnary;
using testing::Dial;
using testing::kBidi;
using testing::kUnary;
using testing::Methods;
using testing::Rig;
using testing::ScriptedCall;

std::map<std::string, testing::ScriptedServer::Script> Echo() {
  const testing::ScriptedServer::Script echo = [](ScriptedCall& call) {
    while (const std::optional<std::string> message = call.Read()) call.Write(*message);
    return grpc::Status::OK;
  };
  return {{kUnary, echo}, {kBidi, echo}};
}

// Ends every call with a status that says who answered.
class NamedService final : public grpc::CallbackGenericService {
 public:
  explicit NamedService(std::string name) : name_(std::move(name)) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    struct Reactor final : grpc::ServerGenericBidiReactor {
      void OnDone() override { delete this; }
    };
    auto* reactor = new Reactor;
    reactor->Finish({grpc::StatusCode::NOT_FOUND, name_ + " " + context->peer()});
    return reactor;
  }

 private:
  const std::string name_;
};

std::unique_ptr<CallServer> ServerOf(NamedService& service, absl::Duration age = absl::InfiniteDuration()) {
  CallServerOptions options;
  options.metadata_bytes = 8192;
  options.calls_per_connection = 100;
  options.handshake = absl::Seconds(20);
  options.keepalive_time = options.keepalive_timeout = absl::Minutes(1);
  options.connection_age = age;
  options.connection_grace = absl::Seconds(30);
  auto server = CallServer::Start(options, nullptr, &service);
  REQUIRE(server.ok());
  return *std::move(server);
}

ListenerOptions On(const std::string& address) {
  ListenerOptions options;
  options.addresses = {address};
  options.connections = 100;
  options.connections_per_peer = 100;
  options.descriptors = 10'000;
  options.handshake = absl::Seconds(20);
  return options;
}

std::string AnswerOf(const std::shared_ptr<grpc::Channel>& channel) {
  return CallUnary(channel, "/x/Y", "").status.error_message();
}

bool Eventually(const std::function<bool()>& holds) {
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (absl::Now() < deadline) {
    if (holds()) return true;
    absl::SleepFor(absl::Milliseconds(20));
  }
  return false;
}

}  // namespace

TEST_CASE("connections go to the server that is current, and those of the one before go on") {
  NamedService first("first"), second("second");
  auto listener = Listener::Open(On("127.0.0.1:0"), {});
  REQUIRE(listener.ok());
  const std::shared_ptr<CallServer> one = ServerOf(first);
  const std::shared_ptr<CallServer> other = ServerOf(second);
  (*listener)->Serve(one);
  const std::string address = (*listener)->addresses().front();
  const auto before = Dial(address);
  CHECK(AnswerOf(before).starts_with("first ipv4:127.0.0.1:"));
  (*listener)->Serve(other);
  CHECK(AnswerOf(Dial(address)).starts_with("second"));
  CHECK(AnswerOf(before).starts_with("first"));
  // The old one asks its callers to go elsewhere; they come to the new one.
  one->Shutdown(absl::Now() + absl::Seconds(30));
  CHECK(AnswerOf(before).starts_with("second"));
  (*listener)->Stop();
  CHECK_FALSE((*listener)->Accepting().ok());
}

TEST_CASE("connections are counted while they last") {
  NamedService service("x");
  auto listener = Listener::Open(On("127.0.0.1:0"), {});
  REQUIRE(listener.ok());
  (*listener)->Serve(ServerOf(service));
  const std::string address = (*listener)->addresses().front();
  const Connections& connections = (*listener)->connections();
  auto one = Dial(address);
  AnswerOf(one);
  {
    const auto other = Dial(address);
    AnswerOf(other);
    CHECK(connections.size() == 2);
  }
  CHECK(Eventually([&] { return connections.size() == 1; }));
  one = nullptr;
  CHECK(Eventually([&] { return connections.size() == 0; }));
}

TEST_CASE("a connection that has lasted long enough is asked to end, and calls go over another") {
  NamedService service("x");
  auto listener = Listener::Open(On("127.0.0.1:0"), {});
  REQUIRE(listener.ok());
  (*listener)->Serve(ServerOf(service, absl::Seconds(1)));
  const auto channel = Dial((*listener)->addresses().front());
  const std::string first = AnswerOf(channel);
  std::string now = first;
  CHECK(Eventually([&] {
    now = AnswerOf(channel);
    return now != first;
  }));
  CHECK(now.starts_with("x ipv4:127.0.0.1:"));
}

TEST_CASE("sockets that the process was given are served, and those nobody asks for are an error") {
  std::vector<Descriptor> none;
  const auto given = ListenOn("127.0.0.1:0", none);
  REQUIRE(given.ok());
  const std::string address = AddressText(given->front().address());
  const auto inherited = [&] {
    std::vector<Descriptor> sockets;
    sockets.emplace_back(dup(given->front().fd()));
    return sockets;
  };
  CHECK_FALSE(Listener::Open(On("127.0.0.1:0"), inherited()).ok());
  for (const std::string& asked : {std::string(kInherited), address}) {
    NamedService service("x");
    auto listener = Listener::Open(On(asked), inherited());
    INFO(listener.status().ToString());
    REQUIRE(listener.ok());
    CHECK((*listener)->addresses().front() == address);
    (*listener)->Serve(ServerOf(service));
    CHECK(AnswerOf(Dial(address)).starts_with("x"));
  }
}

TEST_CASE("callers on a UNIX socket have a session for each connection, and are recorded as what they are") {
  const testing::TemporaryDirectory directory;
  const bool abstract = GENERATE(false, true);
  const std::string address = abstract ? "unix-abstract:sallyport-listener-test-" + std::to_string(getpid())
                                       : "unix:" + directory.path() + "/s";
  Rig rig(Echo(), Methods::kKnown, [&](GatewayOptions& options) { options.listen = {address}; });
  CHECK(rig.address() == address);
  const auto one = Dial(address);
  const auto other = Dial(address);
  CHECK(CallUnary(one, kUnary, "a").response == "a");
  CHECK(CallUnary(other, kUnary, "b").response == "b");
  CHECK(CallUnary(one, kUnary, "c").response == "c");
  const auto calls = rig.Calls();
  REQUIRE(calls.size() == 3);
  CHECK(calls[0].session_id == calls[2].session_id);
  CHECK(calls[0].session_id != calls[1].session_id);
  for (const auto& call : calls) CHECK(rig.Entries(call.id).front().start().peer() == address);
}

TEST_CASE("a gateway on every address takes callers of both families") {
  Rig rig(Echo(), Methods::kKnown, [](GatewayOptions& options) { options.listen = {"[::]:0"}; });
  const std::string port = rig.address().substr(rig.address().rfind(':'));
  CHECK(CallUnary(Dial("127.0.0.1" + port), kUnary, "a").response == "a");
  std::vector<Descriptor> none;
  const bool v6 = ListenOn("[::1]:0", none).ok();
  if (v6) CHECK(CallUnary(Dial("[::1]" + port), kUnary, "b").response == "b");
  const auto calls = rig.Calls();
  REQUIRE(calls.size() == (v6 ? 2 : 1));
  CHECK(rig.Entries(calls[0].id).front().start().peer().starts_with("ipv4:127.0.0.1:"));
  if (v6) CHECK(rig.Entries(calls[1].id).front().start().peer().starts_with("ipv6:%5B::1%5D:"));
}

TEST_CASE("when memory is full, new calls are refused and recorded, and open ones go on") {
  Rig rig(Echo(), Methods::kKnown);
  BlockingCall open(rig.channel(), kBidi);
  REQUIRE(open.Start());
  REQUIRE(open.Write("before"));
  REQUIRE(open.Read() == "before");
  MemoryBudget& memory = rig.gateway().memory();
  memory.Charge(memory.bytes());
  const grpc::Status refused = CallUnary(rig.channel(), kUnary, "x").status;
  CHECK(refused.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK(refused.error_message().find("limits.memory") != std::string::npos);
  REQUIRE(open.Write("after"));
  CHECK(open.Read() == "after");
  memory.Release(memory.bytes());
  CHECK(CallUnary(rig.channel(), kUnary, "x").response == "x");
  REQUIRE(open.HalfClose());
  CHECK(open.Finish().ok());
  CHECK(rig.Calls().size() == 3);
}

}  // namespace sallyport::gateway
