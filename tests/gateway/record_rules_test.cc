// What is recorded of calls, and how surely, where the policy has record rules (policy/README.md, "What is recorded").
#include "policy/record_rules.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.pb.h"
#include "recorder/keys/sealed_view.h"
#include "tests/fakes/blocking_client.h"
#include "tests/gateway/masked_rig.h"
#include "tests/recorder/verified_store.h"

namespace sallyport::gateway {
namespace {

std::string RecordRules(const std::string& rules) { return absl::StrCat("record: {rules: [", rules, "]}\n"); }

const std::string kLong = Text(std::string(100, 'a'));

v1::CallStart StartOf(Masked& masked) {
  for (const v1::Entry& entry : masked.Entries()) {
    if (entry.has_start()) return entry.start();
  }
  FAIL("the call has no start");
  return {};
}

// One call of each kind, with two requests where it may have them.
Reply CallOnce(Masked& masked, const std::string& path) {
  const bool many = path == kClientStream || path == kBidi;
  return Call(masked.rig(), path, many ? std::vector<std::string>{kLong, Text("b")} : std::vector<std::string>{kLong});
}

void CheckStoreVerifies(Masked& masked) {
  static_cast<void>(masked.rig().Calls());  // the gateway has stopped
  recorder::CheckVerifies(masked.rig().data());
}

}  // namespace

TEST_CASE("with frames: none no byte of a message is recorded, and every message is counted, in calls of all kinds") {
  const std::string path = GENERATE(kUnary, kClientStream, kServerStream, kBidi);
  Masked masked(RecordRules("{name: nothing, frames: none}"), GENERATE(Methods::kKnown, Methods::kUnknown));
  INFO(path);
  const Reply reply = CallOnce(masked, path);
  REQUIRE(reply.status.ok());
  // The call itself is as ever.
  CHECK(reply.messages == masked.seen());
  CHECK(reply.messages.front() == kLong);
  CHECK_FALSE(masked.RecordHolds("aaaa"));
  const std::vector<v1::Frame> frames = masked.Frames();
  REQUIRE(frames.size() == 2 * masked.seen().size());
  uint64_t bytes = 0;
  for (size_t i = 0; i < frames.size(); ++i) {
    CHECK(frames[i].payload().empty());
    CHECK(frames[i].shortened());
    CHECK(frames[i].index() == i % masked.seen().size());
    CHECK(frames[i].whole_length() == masked.seen()[frames[i].index()].size());
    bytes += frames[i].whole_length();
  }
  const auto calls = masked.rig().Calls();
  CHECK(calls[0].request_frames == masked.seen().size());
  CHECK(calls[0].request_bytes + calls[0].response_bytes == bytes);
  const v1::CallStart start = StartOf(masked);
  CHECK(start.record_rule() == "nothing");
  CHECK(start.has_frame_bytes());
  CHECK(start.frame_bytes() == 0);
  CheckStoreVerifies(masked);
}

TEST_CASE("of each frame the first bytes are recorded, and only one that has more is called shortened") {
  const std::string path = GENERATE(kUnary, kClientStream, kServerStream, kBidi);
  Masked masked(RecordRules("{name: beginnings, frames: first 10}"), GENERATE(Methods::kKnown, Methods::kUnknown));
  INFO(path);
  REQUIRE(CallOnce(masked, path).status.ok());
  for (const v1::Frame& frame : masked.Frames()) {
    const std::string passed = masked.seen()[frame.index()];
    CHECK(frame.payload() == passed.substr(0, 10));
    CHECK(frame.shortened() == (passed.size() > 10));
    CHECK(frame.whole_length() == (passed.size() > 10 ? passed.size() : 0));
  }
  CHECK(StartOf(masked).frame_bytes() == 10);
  CheckStoreVerifies(masked);
}

TEST_CASE("a frame of exactly so many bytes is whole, one of a byte more is not, be they kept apart in the log") {
  Masked masked(RecordRules("{name: beginnings, frames: first 16KiB}"), Methods::kUnknown);
  const std::string whole(16384, 'x');
  REQUIRE(Call(masked.rig(), kBidi, {whole, whole + "y"}).status.ok());
  const std::vector<v1::Frame> frames = masked.Frames();
  REQUIRE(frames.size() == 4);
  for (const v1::Frame& frame : frames) {
    CHECK(frame.payload() == whole);
    CHECK(frame.shortened() == (frame.index() == 1));
    CHECK(frame.whole_length() == (frame.index() == 1 ? 16385 : 0));
  }
  CheckStoreVerifies(masked);
}

TEST_CASE("frames: all, and no rule at all, record everything, and the call says which it was") {
  Masked masked(
      RecordRules("{name: some, match: {methods: [other/*]}, frames: none}, "
                  "{name: whole, match: {methods: [\"*/Unary\"]}, frames: all}"));
  REQUIRE(Call(masked.rig(), kUnary, {kLong}).status.ok());
  REQUIRE(Call(masked.rig(), kServerStream, {kLong}).status.ok());
  const auto calls = masked.rig().Calls();
  REQUIRE(calls.size() == 2);
  const std::vector<std::string> rules = {"whole", ""};
  for (size_t i = 0; i < 2; ++i) {
    for (const v1::Entry& entry : masked.rig().Entries(calls[i].id)) {
      if (entry.has_start()) CHECK(entry.start().record_rule() == rules[i]);
      if (entry.has_start()) CHECK_FALSE(entry.start().has_frame_bytes());
      if (entry.has_frame()) CHECK(entry.frame().payload() == kLong);
      if (entry.has_frame()) CHECK_FALSE(entry.frame().shortened());
    }
  }
}

TEST_CASE("what masks hide is hidden before a frame is cut") {
  Masked masked(absl::StrCat("masks: [{name: texts, fields: [\"test.v1.Text.text\"], text: \"0123456789\"}]\n",
                             RecordRules("{name: beginnings, frames: first 6}")));
  REQUIRE(Call(masked.rig(), kUnary, {Text(kSecret)}).status.ok());
  CHECK(masked.seen().front() == Text(kSecret));
  const std::string hidden = Text("0123456789");
  const std::vector<v1::Frame> frames = masked.Frames();
  REQUIRE(frames.size() == 2);
  for (const v1::Frame& frame : frames) {
    CHECK_FALSE(absl::StrContains(frame.SerializeAsString(), std::string(kSecret).substr(0, 4)));
    CHECK(frame.masked());
    CHECK(frame.shortened());
    CHECK(frame.payload() == hidden.substr(0, 6));
    CHECK(frame.whole_length() == hidden.size());
  }
  CheckStoreVerifies(masked);
}

TEST_CASE("originals that are longer than a record rule keeps are not sealed either") {
  TemporaryDirectory directory;
  auto key = recorder::RevealPrivateKey::Create(directory.path() + "/key", recorder::RealFileSystem());
  REQUIRE(key.ok());
  Masked masked(absl::StrCat("masks: [{name: texts, fields: [\"test.v1.Text.text\"], text: x, seal: true}]\n",
                             RecordRules("{name: beginnings, frames: first 20}")),
                Methods::kKnown, [&](GatewayOptions& options) { options.reveal_key = key->public_half(); });
  REQUIRE(Call(masked.rig(), kBidi, {Text("short"), Text(std::string(50, 'l'))}).status.ok());
  for (const v1::Frame& frame : masked.Frames()) {
    // What the masks leave is short enough in both.
    CHECK_FALSE(frame.shortened());
    CHECK(frame.payload() == Text("x"));
    CHECK(frame.has_sealed() == (frame.index() == 0));
  }
}

TEST_CASE("a rule's durability takes the place of the configuration's for its calls") {
  Masked masked(
      RecordRules("{name: sure, match: {methods: [\"*/Unary\"]}, durability: write_ahead}, "
                  "{name: quick, match: {methods: [\"*/Bidi\"]}, durability: relaxed}"));
  REQUIRE(Call(masked.rig(), kUnary, {Text("a")}).status.ok());
  REQUIRE(Call(masked.rig(), kBidi, {Text("a")}).status.ok());
  REQUIRE(Call(masked.rig(), kServerStream, {Text("a")}).status.ok());
  const std::vector<std::string> said = {"write_ahead", "relaxed", "commit"};
  const auto calls = masked.rig().Calls();
  REQUIRE(calls.size() == 3);
  for (size_t i = 0; i < calls.size(); ++i) {
    for (const v1::Entry& entry : masked.rig().Entries(calls[i].id)) {
      if (entry.has_start()) CHECK(entry.start().durability() == said[i]);
      if (entry.has_frame()) CHECK(entry.frame().payload() == Text("a"));
    }
  }
}

TEST_CASE("a rule turns no recording on where the configuration has it off") {
  Masked masked(RecordRules("{name: sure, durability: write_ahead, frames: all}"), Methods::kKnown,
                [](GatewayOptions& options) { options.durability = Durability::kOff; });
  CHECK(Call(masked.rig(), kUnary, {Text("a")}).status.ok());
  CHECK_FALSE(std::filesystem::exists(masked.rig().data()));
}

TEST_CASE("calls that the policy refuses name the record rule that was theirs") {
  Masked masked(absl::StrCat("content: [{name: no b, fields: [{field: test.v1.Text.text, value: \"b*\"}]}]\n",
                             RecordRules("{name: nothing, frames: none}")));
  CHECK(Call(masked.rig(), kUnary, {Text("bad")}).status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(StartOf(masked).record_rule() == "nothing");
  CHECK_FALSE(masked.RecordHolds("bad"));
  CheckStoreVerifies(masked);
}

TEST_CASE("health checks that nobody decides on are recorded by rule as well") {
  const auto serves = [](ScriptedCall& call) {
    static_cast<void>(call.Read());
    grpc::health::v1::HealthCheckResponse response;
    response.set_status(grpc::health::v1::HealthCheckResponse::SERVING);
    call.Write(response.SerializeAsString());
    return grpc::Status::OK;
  };
  constexpr char kCheck[] = "/grpc.health.v1.Health/Check";
  TemporaryDirectory directory;
  Rig rig({{kCheck, serves}}, Methods::kKnown, [&](GatewayOptions& options) {
    options.policy_file = directory.path() + "/policy.yaml";
    std::ofstream(options.policy_file) << "access: {default: deny}\n"
                                       << RecordRules(
                                              "{name: probes, match: {methods: [\"grpc.health.v1.Health/*\"]}, "
                                              "frames: none, durability: relaxed}");
    v1::Config config = options.source;
    config.mutable_listen()->set_health(v1::Listen::by_address);
    config.set_policy(options.policy_file);
    const std::vector<std::string> files = options.descriptor_files;
    absl::StatusOr<GatewayOptions> checked = CheckConfiguration(config, "test", {});
    INFO(checked.status());
    REQUIRE(checked.ok());
    options = *std::move(checked);
    options.descriptor_files = files;
  });
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("test.v1.Echo");
  const testing::UnaryResult asked = testing::CallUnary(rig.channel(), kCheck, request.SerializeAsString());
  INFO(asked.status.error_message());
  REQUIRE(asked.status.ok());
  const auto calls = rig.Calls();
  REQUIRE(calls.size() == 1);
  size_t frames = 0;
  for (const v1::Entry& entry : rig.Entries(calls[0].id)) {
    if (entry.has_start()) CHECK(entry.start().record_rule() == "probes");
    if (entry.has_start()) CHECK(entry.start().durability() == "relaxed");
    CHECK_FALSE(entry.has_decision());
    if (!entry.has_frame()) continue;
    ++frames;
    CHECK(entry.frame().shortened());
    CHECK(entry.frame().payload().empty());
  }
  CHECK(frames == 2);
}

}  // namespace sallyport::gateway
