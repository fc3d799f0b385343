// What is in the log by the time that somebody sees it, in each durability mode (gateway/README.md, "Durability").
#include "gateway/relay/durability.h"

#include <fcntl.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "recorder/format/store_layout.h"
#include "recorder/keys/store_keys.h"
#include "recorder/log/log_scan.h"
#include "tests/gateway/rig.h"

namespace sallyport::testing {
namespace {

using gateway::Durability;

// What the log holds now, whoever has it open.
struct Written {
  std::set<std::string> requests;
  std::set<std::string> responses;
  int ends = 0;
};

Written ReadLog(const std::string& data) {
  const recorder::StoreLayout layout(data);
  const auto keys = recorder::StoreKeys::Open(layout, std::nullopt);
  if (!keys.ok()) return {};
  Written written;
  recorder::ScanEntries(layout, **keys, recorder::Position(), recorder::OnDamage::kSkip,
                        [&](const recorder::Block& block) {
                          return recorder::ForEachEntry(block.body, [&](std::string_view bytes) {
                            v1::Entry entry;
                            if (!entry.ParseFromString(std::string(bytes))) return absl::DataLossError("no entry");
                            const bool response = entry.frame().direction() == v1::DIRECTION_RESPONSE;
                            if (entry.has_frame()) {
                              (response ? written.responses : written.requests).insert(entry.frame().payload());
                            }
                            written.ends += entry.has_end() ? 1 : 0;
                            return absl::OkStatus();
                          });
                        })
      .IgnoreError();
  return written;
}

TEST_CASE("with write_ahead nothing is passed on, in either direction, before it is in the log, nor an end told") {
  std::string data;
  std::atomic<int> early = 0;
  const auto echo = [&](ScriptedCall& call) {
    while (const std::optional<std::string> message = call.Read()) {
      if (!ReadLog(data).requests.contains(*message)) ++early;
      if (!call.Write(*message + " back")) break;
    }
    return grpc::Status::OK;
  };
  Rig rig({{kUnary, echo}, {kBidi, echo}}, GENERATE(Methods::kKnown, Methods::kUnknown),
          [](gateway::GatewayOptions& options) { options.durability = Durability::kWriteAhead; });
  data = rig.data();
  BlockingCall stream(rig.channel(), kBidi);
  REQUIRE(stream.Start());
  for (int i = 0; i < 5; ++i) {
    const std::string sent = "message " + std::to_string(i);
    REQUIRE(stream.Write(sent));
    REQUIRE(stream.Read() == sent + " back");
    CHECK(ReadLog(data).responses.contains(sent + " back"));
  }
  REQUIRE(stream.HalfClose());
  CHECK_FALSE(stream.Read().has_value());
  CHECK(stream.Finish().ok());
  CHECK(ReadLog(data).ends == 1);
  CHECK(CallUnary(rig.channel(), kUnary, "alone").response == "alone back");
  CHECK(ReadLog(data).responses.contains("alone back"));
  CHECK(ReadLog(data).ends == 2);
  CHECK(early == 0);
}

TEST_CASE("with commit all of a call is in the log by the time its end is told") {
  const auto echo = [](ScriptedCall& call) {
    while (const std::optional<std::string> message = call.Read()) {
      if (!call.Write(*message + " back")) break;
    }
    return grpc::Status::OK;
  };
  Rig rig({{kUnary, echo}, {kBidi, echo}}, GENERATE(Methods::kKnown, Methods::kUnknown),
          [](gateway::GatewayOptions& options) { options.durability = Durability::kCommit; });
  for (int i = 0; i < 20; ++i) {
    const std::string sent = "message " + std::to_string(i);
    REQUIRE(CallUnary(rig.channel(), i % 2 == 0 ? kUnary : kBidi, sent).response == sent + " back");
    const Written written = ReadLog(rig.data());
    CHECK(written.requests.contains(sent));
    CHECK(written.responses.contains(sent + " back"));
    CHECK(written.ends == i + 1);
  }
}

TEST_CASE("what a record rule says of durability is kept as if the configuration said it, and only for its calls") {
  std::string data;
  std::atomic<int> early = 0;
  const auto echo = [&](ScriptedCall& call) {
    while (const std::optional<std::string> message = call.Read()) {
      if (!ReadLog(data).requests.contains(*message)) ++early;
      if (!call.Write(*message + " back")) break;
    }
    return grpc::Status::OK;
  };
  TemporaryDirectory directory;
  const std::string policy = directory.path() + "/policy.yaml";
  std::ofstream(policy) << "access: {default: allow}\nrecord:\n  rules:\n"
                           "    - {name: ahead, match: {methods: [\"*/Unary\"]}, durability: write_ahead}\n"
                           "    - {name: sure, match: {methods: [\"*/Bidi\"]}, durability: commit}\n";
  Rig rig({{kUnary, echo}, {kBidi, echo}}, GENERATE(Methods::kKnown, Methods::kUnknown),
          [&](gateway::GatewayOptions& options) {
            options.durability = Durability::kRelaxed;
            options.policy_file = policy;
          });
  data = rig.data();
  for (int i = 0; i < 10; ++i) {
    const std::string sent = "message " + std::to_string(i);
    REQUIRE(CallUnary(rig.channel(), kUnary, sent).response == sent + " back");
    // Both ways, for nothing is passed on before.
    CHECK(ReadLog(rig.data()).responses.contains(sent + " back"));
  }
  CHECK(early == 0);
  for (int i = 0; i < 10; ++i) {
    const std::string sent = "stream " + std::to_string(i);
    REQUIRE(CallUnary(rig.channel(), kBidi, sent).response == sent + " back");
    CHECK(ReadLog(rig.data()).requests.contains(sent));
  }
  CHECK(ReadLog(rig.data()).ends == 20);
}

// Nothing can be written any more to the segments that this process has open.
void BreakLog(const std::string& data) {
  const int unwritable = open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(unwritable >= 0);
  int broken = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const std::string file = std::filesystem::read_symlink(entry, error).string();
    if (error || !file.starts_with(data) || !file.ends_with(".seg")) continue;
    REQUIRE(dup2(unwritable, std::stoi(entry.path().filename())) >= 0);
    ++broken;
  }
  close(unwritable);
  REQUIRE(broken > 0);
}

// What the program logs meanwhile.
class LogCapture {
 public:
  LogCapture() {
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~LogCapture() { spdlog::set_default_logger(before_); }
  std::string text() {
    spdlog::default_logger()->flush();
    return text_.str();
  }

 private:
  const std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  std::ostringstream text_;
};

TEST_CASE("when the log cannot be written callers are told one thing, and only the gateway's log says why") {
  const auto echo = [](ScriptedCall& call) {
    while (const std::optional<std::string> message = call.Read()) {
      if (!call.Write(*message + " back")) break;
    }
    return grpc::Status::OK;
  };
  const Durability durability = GENERATE(Durability::kCommit, Durability::kWriteAhead);
  LogCapture log;
  {
    Rig rig({{kUnary, echo}, {kBidi, echo}}, GENERATE(Methods::kKnown, Methods::kUnknown),
            [&](gateway::GatewayOptions& options) { options.durability = durability; });
    BlockingCall stream(rig.channel(), kBidi);
    REQUIRE(stream.Start());
    REQUIRE(stream.Write("first"));
    REQUIRE(stream.Read() == "first back");
    BreakLog(rig.data());
    // The recorder finds out while the first one waits; the others it tells at once.
    std::vector<grpc::Status> told = {CallUnary(rig.channel(), kUnary, "one").status,
                                      CallUnary(rig.channel(), kUnary, "two").status,
                                      CallUnary(rig.channel(), kBidi, "three").status};
    static_cast<void>(stream.Write("second"));
    told.push_back(stream.Finish());
    for (const grpc::Status& status : told) {
      CHECK(status.error_code() == grpc::StatusCode::UNAVAILABLE);
      CHECK(status.error_message() ==
            "the call cannot be recorded, so it is refused: the gateway's log cannot be written");
    }
  }
  CHECK(log.text().find("the log cannot be written any more") != std::string::npos);
  CHECK(log.text().find("Bad file descriptor") != std::string::npos);
}

}  // namespace
}  // namespace sallyport::testing
