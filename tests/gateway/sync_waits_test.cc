// Which calls wait for the disk, where record rules say how surely they are recorded (policy/README.md, "What is
// recorded"): with a disk whose syncs do not end.
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <string>
#include <string_view>

#include "tests/fakes/raw_caller.h"
#include "tests/gateway/rig.h"

namespace sallyport::testing {
namespace {

constexpr std::chrono::seconds kPatience(60);

// Where syncs of segments are held up while it is closed. One for the program.
class SyncGate {
 public:
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    closed_ = false;
    changed_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !closed_; });
    --waiting_;
  }
  bool AwaitSync() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [this] { return waiting_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  int waiting_ = 0;
};

SyncGate& Gate() {
  static SyncGate* const gate = new SyncGate;
  return *gate;
}

// Whatever becomes of the test, nobody waits in the end.
struct OpenGateAtEnd {
  OpenGateAtEnd() = default;
  OpenGateAtEnd(const OpenGateAtEnd&) = delete;
  OpenGateAtEnd& operator=(const OpenGateAtEnd&) = delete;
  ~OpenGateAtEnd() { Gate().Open(); }
};

struct ClosedGate : OpenGateAtEnd {
  ClosedGate() { Gate().Close(); }
};

bool IsSegment(int descriptor) {
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  std::array<char, 4096> path = {};
  const ssize_t size = readlink(link.c_str(), path.data(), path.size());
  return size > 0 && std::string_view(path.data(), static_cast<size_t>(size)).ends_with(".seg");
}

bool Ended(const std::future<UnaryResult>& reply) {
  return reply.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace
}  // namespace sallyport::testing

// In place of the library's, for this program.
extern "C" int fdatasync(int descriptor) {
  if (sallyport::testing::IsSegment(descriptor)) sallyport::testing::Gate().Pass();
  return static_cast<int>(syscall(SYS_fdatasync, descriptor));
}

namespace sallyport::testing {

TEST_CASE("while the disk does not sync, a rule's relaxed calls end, its write_ahead calls do not reach the upstream") {
  std::atomic<int> ahead_seen = 0;
  std::atomic<int> sure_seen = 0;
  std::promise<void> sure_came;
  const auto echo = [](ScriptedCall& call) {
    while (const std::optional<std::string> message = call.Read()) call.Write(*message);
    return grpc::Status::OK;
  };
  const auto ahead_script = [&](ScriptedCall& call) {
    ++ahead_seen;
    return echo(call);
  };
  const auto sure_script = [&](ScriptedCall& call) {
    if (++sure_seen == 1) sure_came.set_value();
    return echo(call);
  };
  const TemporaryDirectory directory;
  const std::string policy = directory.path() + "/policy.yaml";
  std::ofstream(policy) << "access: {default: allow}\nrecord:\n  rules:\n"
                           "    - {name: ahead, match: {methods: [\"*/Unary\"]}, durability: write_ahead}\n"
                           "    - {name: quick, match: {methods: [\"*/ServerStream\"]}, durability: relaxed}\n";
  Rig rig({{kUnary, ahead_script}, {kServerStream, echo}, {kBidi, sure_script}}, Methods::kKnown,
          [&](gateway::GatewayOptions& options) {
            options.durability = gateway::Durability::kCommit;
            options.policy_file = policy;
          });
  const auto begin = [&](const char* path, const std::string& message) {
    return std::async(std::launch::async, [&rig, path, message] { return CallUnary(rig.channel(), path, message); });
  };
  std::future<UnaryResult> ahead;
  std::future<UnaryResult> sure;
  std::future<UnaryResult> quick;
  {
    const ClosedGate closed;
    ahead = begin(kUnary, "ahead");
    sure = begin(kBidi, "sure");
    REQUIRE(Gate().AwaitSync());
    for (int i = 0; i < 20; ++i) {
      quick = begin(kServerStream, "quick");
      REQUIRE(quick.wait_for(kPatience) == std::future_status::ready);
      CHECK(quick.get().response == "quick");
    }
    // What commits is passed on, and only its end waits.
    REQUIRE(sure_came.get_future().wait_for(kPatience) == std::future_status::ready);
    CHECK_FALSE(Ended(sure));
    CHECK(ahead_seen == 0);
    CHECK_FALSE(Ended(ahead));
  }
  CHECK(ahead.get().response == "ahead");
  CHECK(sure.get().response == "sure");
  CHECK(ahead_seen == 1);
}

TEST_CASE("a deadline that passes while a call's end waits for the disk changes neither its record nor what is told") {
  // By hand, so that nobody but the gateway says how a call ended.
  const auto [methods, path] = GENERATE(std::pair(Methods::kKnown, kUnary), std::pair(Methods::kUnknown, kBidi));
  INFO(path);
  const auto answer = [](ScriptedCall& call) {
    // The request is on disk, or it would not be here: what waits for the disk from now on is the end.
    call.Read();
    Gate().Close();
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "none of that");
  };
  const auto hang = [](ScriptedCall& call) {
    call.AwaitCancel();
    return grpc::Status::CANCELLED;
  };
  const TemporaryDirectory directory;
  const std::string policy = directory.path() + "/policy.yaml";
  std::ofstream(policy) << "access: {default: allow}\nrecord:\n  rules:\n"
                           "    - {name: quick, match: {methods: [\"*/ServerStream\"]}, durability: relaxed}\n";
  Rig rig({{path, answer}, {kServerStream, hang}}, methods, [&](gateway::GatewayOptions& options) {
    options.durability = gateway::Durability::kWriteAhead;
    options.policy_file = policy;
  });
  RawCaller caller(rig.address());
  const OpenGateAtEnd open;
  const uint32_t stream = caller.Open(path, {{"grpc-timeout", "2S"}});
  caller.Send(stream, "where is it?");
  REQUIRE(Gate().AwaitSync());
  // A later call with the same time to live tells when the deadline of the first has passed.
  const uint32_t later = caller.Open(kServerStream, {{"grpc-timeout", "2S"}});
  CHECK(caller.AwaitEnd(later).status == "4");
  Gate().Open();
  const RawCaller::Seen seen = caller.AwaitEnd(stream);
  CHECK(seen.status == "5");
  CHECK(seen.message == "none of that");

  const std::vector<recorder::CallSummary> calls = rig.Calls();
  REQUIRE(calls.size() == 2);
  const std::vector<v1::Entry> entries = rig.Entries(calls[0].id);
  REQUIRE(entries.back().has_end());
  const v1::CallEnd& end = entries.back().end();
  CHECK(end.status_code() == grpc::StatusCode::NOT_FOUND);
  CHECK(v1::EndReason_Name(end.reason()) == v1::EndReason_Name(v1::END_REASON_COMPLETED));
  CHECK(v1::Told_Name(end.told()) == v1::Told_Name(v1::TOLD_STATUS));
  CHECK(rig.Calls()[1].end_reason == v1::END_REASON_DEADLINE);
}

}  // namespace sallyport::testing
