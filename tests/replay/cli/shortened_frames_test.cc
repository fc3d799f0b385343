// What the commands say of calls that a record rule recorded without all of their frames, and of the rules themselves.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/escaping.h"
#include "recorder/format/checkpoint.h"
#include "recorder/format/store_layout.h"
#include "recorder/keys/store_keys.h"
#include "tests/replay/cli/policy_files.h"

namespace sallyport::replay {
namespace {

using Json = nlohmann::json;

// A shop.Orders/Get of which the first `kept` bytes of the request are recorded, and nothing of the response. So cut,
// the request would still parse: as an order without an amount.
std::string AddShortened(ShopStore& store, absl::Duration offset, size_t kept = 6) {
  const uint64_t id = store.NewId(offset);
  const absl::Time time = ShopTime() + offset;
  recorder::EntryBatch batch = store.recorder().NewBatch(id);
  recorder::CallStart start = store.Start("/shop.Orders/Get");
  start.record_rule = "beginnings";
  start.frame_bytes = kept;
  batch.AddStart(time, start);
  recorder::FrameMasking shortened;
  shortened.whole_length = kOrder.size();
  const std::string_view first = std::string_view(kOrder).substr(0, kept);
  batch.AddFrame(time, recorder::Direction::kRequest, 0, false, {first}, shortened);
  batch.AddHalfClose(time);
  batch.AddFrame(time, recorder::Direction::kResponse, 0, false, {}, shortened);
  recorder::CallEnd end;
  end.request_frames = end.response_frames = 1;
  end.request_bytes = end.response_bytes = kOrder.size();
  end.duration = absl::Milliseconds(3);
  batch.AddEnd(time + end.duration, end);
  store.Append(std::move(batch));
  return recorder::FormatId(id);
}

std::string KeyOf(const ShopStore& store) {
  const auto keys = recorder::StoreKeys::Open(recorder::StoreLayout(store.data()), std::nullopt);
  REQUIRE(keys.ok());
  return recorder::VerifierKey::Make(recorder::CheckpointOrigin((*keys)->store_id()), recorder::SignatureType::kEd25519,
                                     (*keys)->signing_key().public_key())
      ->Text();
}

TEST_CASE("show says what is left of a shortened frame, and decodes none") {
  ShopStore store;
  const std::string id = AddShortened(store, absl::ZeroDuration());
  const CommandResult text = Run({"show", id, "--data", store.data()});
  CAPTURE(text.output, text.errors);
  REQUIRE(text.code == 0);
  CHECK(Contains(text.output, "Record rule  beginnings  frames: first 6 bytes"));
  CHECK(Contains(text.output, "request 0  8 B  shortened, first 6 of 8 bytes"));
  CHECK(Contains(text.output, "response 0  8 B  shortened, none of 8 bytes"));
  CHECK(Contains(text.output, "[not decoded: shortened, first 6 of 8 bytes]"));
  CHECK_FALSE(Contains(text.output, "card_number"));
  const Json call = Json::parse(Run({"show", id, "--json", "--data", store.data()}).output);
  CHECK(call["record_rule"] == "beginnings");
  CHECK(call["frame_bytes"] == 6);
  const Json request = call["entries"][0];
  CHECK(request["shortened"] == true);
  CHECK(request["size"] == 8);
  CHECK(request["recorded_size"] == 6);
  CHECK(request["undecoded"] == "shortened, first 6 of 8 bytes");
  CHECK(request["payload"] == absl::Base64Escape(kOrder.substr(0, 6)));
  CHECK_FALSE(request.contains("message"));
  CHECK(call["entries"][2]["recorded_size"] == 0);
  // Of a whole one nothing of the kind is said.
  const Json whole =
      Json::parse(Run({"show", store.AddGet(absl::Seconds(1)), "--json", "--data", store.data()}).output);
  CHECK(whole["record_rule"].is_null());
  CHECK(whole["frame_bytes"].is_null());
  CHECK_FALSE(whole["entries"][0].contains("shortened"));
}

TEST_CASE("the bytes of a shortened frame are not handed out as if they were the message") {
  ShopStore store;
  const std::string id = AddShortened(store, absl::ZeroDuration());
  const CommandResult raw = Run({"show", id, "--frame", "0", "--raw", "--data", store.data()});
  CHECK(raw.code == 1);
  CHECK(raw.output == kOrder.substr(0, 6));
  CHECK(Contains(raw.errors, "frame 0 of call " + id + " is not recorded whole: shortened, first 6 of 8 bytes"));
  CHECK(Run({"show", id, "--frame", "0", "--data", store.data()}).code == 0);
}

TEST_CASE("tail says that frames are shortened") {
  ShopStore store;
  const bool json = GENERATE(false, true);
  std::vector<std::string> arguments = {"tail", "--frames", "--data", store.data()};
  if (json) arguments.emplace_back("--json");
  RunningCommand tail(arguments);
  REQUIRE(tail.WaitForErrors("following "));
  AddShortened(store, absl::Seconds(1));
  REQUIRE(tail.WaitForOutput(json ? "\"event\":\"end\"" : "end    "));
  tail.Signal(SIGTERM);
  CHECK(tail.Wait() == 0);
  CAPTURE(tail.output());
  if (!json) {
    CHECK(Contains(tail.output(), "8 B  shortened, first 6 of 8 bytes\n"));
    CHECK(Contains(tail.output(), "8 B  shortened, none of 8 bytes\n"));
    return;
  }
  const Json frame = Json::parse(LinesOf(tail.output())[1]);
  CHECK(frame["shortened"] == true);
  CHECK(frame["recorded_size"] == 6);
  CHECK(frame["size"] == 8);
}

TEST_CASE("replay refuses a call whose frames are shortened, and says so") {
  ShopStore store;
  const std::string id = AddShortened(store, absl::ZeroDuration());
  CHECK(Run({"replay", id, "--to", "127.0.0.1:1", "--data", store.data()}).code == 3);
  // Nor is it taken for one that can be sent, where nothing is sent.
  const CommandResult alone = Run({"replay", id, "--to", "127.0.0.1:1", "--dry-run", "--data", store.data()});
  CAPTURE(alone.output, alone.errors);
  CHECK(alone.code == 3);
  CHECK(Contains(alone.output + alone.errors, "request frame 0 of call " + id +
                                                  " is shortened, first 6 of 8 bytes: what passed is not there to be "
                                                  "sent again"));
}

TEST_CASE("evidence of a call with shortened frames holds, and says what it does not prove") {
  ShopStore store;
  const std::string id = AddShortened(store, absl::ZeroDuration());
  const std::string file = store.data() + ".evidence";
  const CommandResult made = Run({"evidence", id, "--data", store.data(), "--out", file});
  CAPTURE(made.output, made.errors);
  REQUIRE(made.code == 0);
  CHECK(Contains(made.errors, "2 frames are shortened: what the payload held beyond what is recorded is not proved"));
  const CommandResult text = Run({"verify", "--evidence", file, "--key", KeyOf(store)});
  CAPTURE(text.output, text.errors);
  CHECK(text.code == 0);
  CHECK(Contains(text.output, "PROVED"));
  CHECK(
      Contains(text.output, "2 frames are shortened: what the payload held beyond what is recorded is not proved.\n"));
  const Json json = Json::parse(Run({"verify", "--evidence", file, "--key", KeyOf(store), "--json"}).output);
  CHECK(json["shortened_frames"] == 2);
  CHECK(json["complete"] == true);
  store.Close();
  const CommandResult verified = Run({"verify", "--data", store.data()});
  CAPTURE(verified.output, verified.errors);
  CHECK(verified.code == 0);
}

constexpr char kRecordPolicy[] = R"(access: {default: allow}
record:
  rules:
    - {name: gets, match: {methods: ["shop.Orders/Get"]}, frames: first 6}
    - {name: lookups, match: {methods: ["*/Lookup"]}, frames: none, durability: relaxed}
)";

TEST_CASE("policy check, explain and test know record rules") {
  const PolicyFiles files;
  const std::string file = files.Write("p.yaml", kRecordPolicy);
  CHECK(Contains(Run({"policy", "check", file}).output, ", 0 limits, 2 record rules, allows by default; no errors"));
  CHECK(Json::parse(Run({"policy", "check", file, "--json"}).output)["record_rules"] == 2);

  const CommandResult lookup = Run({"policy", "explain", file, "--method", "other.Service/Lookup"});
  CHECK(Contains(lookup.output, "line 5  record rule lookups: frames: none, durability: relaxed\n"));
  CHECK(Contains(Run({"policy", "explain", file, "--method", "a.B/C"}).output,
                 "recorded whole: no record rule matches\n"));
  const auto explained = [&](const std::string& method) {
    return Json::parse(Run({"policy", "explain", file, "--method", method, "--json"}).output)["record"];
  };
  CHECK(explained("shop.Orders/Get") ==
        Json({{"rule", "gets"}, {"line", 4}, {"frame_bytes", 6}, {"durability", nullptr}}));
  CHECK(explained("x.Y/Lookup") ==
        Json({{"rule", "lookups"}, {"line", 5}, {"frame_bytes", 0}, {"durability", "relaxed"}}));
  CHECK(explained("a.B/C").is_null());

  const std::string good = files.Write("good.yaml", R"(policy: p.yaml
cases:
  - {name: a get, method: shop.Orders/Get, expect: allow, record: gets}
  - {name: another, method: a.B/C, expect: allow, record: default}
)");
  const CommandResult fine = Run({"policy", "test", good});
  CAPTURE(fine.output, fine.errors);
  CHECK(fine.code == 0);
  CHECK(Contains(fine.output, "no case reaches record rule: lookups\n2 of 2 cases as expected\n"));
  const std::string bad = files.Write("bad.yaml", R"(policy: p.yaml
cases:
  - {name: a get, method: shop.Orders/Get, expect: allow, record: lookups}
  - {name: another, method: a.B/C, expect: allow, record: gets}
)");
  const CommandResult failed = Run({"policy", "test", bad});
  CHECK(failed.code == 1);
  CHECK(
      Contains(failed.output, "expected record rule \"lookups\" to decide, but record rule \"gets\" (line 4) does\n"));
  CHECK(Contains(failed.output, "expected record rule \"gets\" to decide, but no record rule does\n"));
  const Json report = Json::parse(Run({"policy", "test", bad, "--json"}).output);
  CHECK(report["cases"][0]["record"] == "gets");
  CHECK(report["cases"][1]["record"] == "default");
  CHECK(report["untested_record_rules"] == Json::array({"lookups"}));
}

TEST_CASE("policy dry-run says how much payload the record rules would leave") {
  ShopStore store;
  const PolicyFiles files;
  store.AddGet(absl::Seconds(1));                                  // 8 and 8 bytes
  AddShortened(store, absl::Seconds(2));                           // 6 of 8, and none of 8
  store.AddFailure(absl::Seconds(3), "/other.Service/Lookup", 5);  // 8 bytes
  store.AddFailure(absl::Seconds(4), "/other.Service/Find", 5);    // 8 bytes
  const std::string file = files.Write("p.yaml", kRecordPolicy);
  const CommandResult json = Run({"policy", "dry-run", file, "--data", store.data(), "--json"});
  CAPTURE(json.output, json.errors);
  // What is recorded of a call is no change of how it ends.
  CHECK(json.code == 0);
  const Json report = Json::parse(json.output);
  CHECK(report["recorded"] ==
        Json::array({{{"rule", "gets"}, {"calls", 2}, {"payload_now", 22}, {"payload_then", 24}},
                     {{"rule", "lookups"}, {"calls", 1}, {"payload_now", 8}, {"payload_then", 0}},
                     {{"rule", "default"}, {"calls", 1}, {"payload_now", 8}, {"payload_then", 8}}}));
  CHECK(report["unmeasured"] == 0);
  const CommandResult text = Run({"policy", "dry-run", file, "--data", store.data()});
  CAPTURE(text.output);
  CHECK(text.code == 0);
  CHECK(Contains(text.output, "RECORD RULE"));
  CHECK(Contains(text.output, "payload recorded: 38 B now, 32 B under this policy, before compression\n"));
  // Without record rules nothing is said of it.
  const std::string none = files.Write("none.yaml", "access: {default: allow}\n");
  CHECK(Json::parse(Run({"policy", "dry-run", none, "--data", store.data(), "--json"}).output)["recorded"].empty());
  CHECK_FALSE(Contains(Run({"policy", "dry-run", none, "--data", store.data()}).output, "payload recorded"));
}

}  // namespace
}  // namespace sallyport::replay
