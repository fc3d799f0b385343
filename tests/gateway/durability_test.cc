// What is in the log by the time that somebody sees it, in each durability mode (gateway/README.md, "Durability").
#include "gateway/relay/durability.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <set>
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
  const auto keys =
      recorder::StoreKeys::Open(layout, std::nullopt, recorder::StoreKeys::Access::kRead, recorder::RealFileSystem());
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

}  // namespace
}  // namespace sallyport::testing
