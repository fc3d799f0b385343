// `sallyport policy dry-run` and `discover`: policies against what was recorded.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/replay/cli/policy_files.h"

namespace sallyport::replay {
namespace {

using Json = nlohmann::json;

TEST_CASE("policy dry-run shows which recorded calls would end otherwise") {
  using recorder::EndReason;
  ShopStore store;
  const PolicyFiles files;
  const std::string get = AddCall(store, absl::Seconds(1), "alice", {"dev"}, "/shop.Orders/Get");
  const std::string first = AddCall(store, absl::Seconds(2), "alice", {"dev"}, "/shop.Orders/DeleteAll");
  const std::string second = AddCall(store, absl::Seconds(3), "alice", {"dev"}, "/shop.Orders/DeleteAll");
  const std::string nobody = AddCall(store, absl::Seconds(4), "", {}, "/shop.Orders/Get");
  const std::string refused =
      AddCall(store, absl::Seconds(5), "bob", {"dev"}, "/shop.Orders/Get", EndReason::kRefused, 7);
  AddCall(store, absl::Seconds(6), "bob", {}, "/shop.Orders/Get", EndReason::kRefused, 7);
  AddCall(store, absl::Seconds(7), "bob", {}, "/shop.Orders/Get", EndReason::kRefused, 12);  // no route
  // The upstream's own PERMISSION_DENIED is none of the gateway's.
  AddCall(store, absl::Seconds(8), "carol", {"dev"}, "/shop.Orders/Get", EndReason::kCompleted, 7);

  const std::string file = files.Write("p.yaml", kPolicy);
  const CommandResult json = Run({"policy", "dry-run", file, "--data", store.data(), "--json"});
  CAPTURE(json.output, json.errors);
  CHECK(json.code == 1);
  const Json report = Json::parse(json.output);
  CHECK(report["calls"] == 7);
  CHECK(report["undecided"] == 1);
  CHECK(report["would_deny"] == 3);
  CHECK(report["would_allow"] == 1);
  CHECK(report["would_limit"] == 0);
  CHECK(report["unchanged"] == 3);
  const auto group = [](const char* change, const char* rule, const char* identity, const char* method, int calls,
                        const std::vector<std::string>& examples) {
    return Json({{"change", change},
                 {"rule", rule},
                 {"identity", identity},
                 {"method", method},
                 {"calls", calls},
                 {"examples", examples}});
  };
  REQUIRE(report["groups"].size() > 3);
  CHECK(report["groups"][0] ==
        group("deny", "no deletes", "https://idp.test#alice", "shop.Orders/DeleteAll", 2, {first, second}));
  CHECK(report["groups"][1] == group("deny", "default", "anonymous", "shop.Orders/Get", 1, {nobody}));
  CHECK(report["groups"][2] == group("allow", "developers", "https://idp.test#bob", "shop.Orders/Get", 1, {refused}));
  CHECK(report["groups"][3]["change"] == "shadow");
  CHECK(report["groups"][3]["rule"] == "soon");

  const CommandResult text = Run({"policy", "dry-run", file, "--data", store.data()});
  CHECK(text.code == 1);
  CHECK(Contains(text.output, "7 calls under policy "));
  CHECK(Contains(text.output, ": 3 unchanged, 3 would be denied, 1 allowed, 0 limited\n"));
  CHECK(Contains(text.output, "1 call refused before any policy was asked, and left out\n"));
  CHECK(Contains(text.output, first + " " + second));

  // Filters choose the calls, and nothing that would change is exit status 0.
  const CommandResult one =
      Run({"policy", "dry-run", file, "--data", store.data(), "--until", "2026-01-02T03:04:06.5"});
  CHECK(one.code == 0);
  CHECK(Contains(one.output, "1 call under policy "));
  CHECK(Contains(one.output, "noted in shadow"));
  const CommandResult newest = Run({"policy", "dry-run", file, "--data", store.data(), "--limit", "1", "--json"});
  CHECK(Json::parse(newest.output)["calls"] == 1);
  CHECK(newest.code == 0);
}

TEST_CASE("policy dry-run looks at the metadata and the time of the record") {
  ShopStore store;
  const PolicyFiles files;
  AddCall(store, absl::ZeroDuration(), "alice", {"dev"}, "/shop.Orders/Get");  // a Friday, 03:04 in UTC
  const auto code = [&](const std::string& match) {
    const std::string file =
        files.Write("p.yaml", "access: {rules: [{name: a, action: allow, match: {" + match + "}}]}");
    return Run({"policy", "dry-run", file, "--data", store.data()}).code;
  };
  CHECK(code("metadata: {tenant: 'eu-*'}, times: [{days: [fri], from: '03:00', to: '04:00'}]") == 0);
  CHECK(code("metadata: {tenant: 'us-*'}") == 1);
  CHECK(code("times: [{days: [thu]}]") == 1);
  CHECK(code("networks: [10.0.0.7], issuers: ['https://idp.test'], proofs: [jwt], upstreams: [shop]") == 0);
}

TEST_CASE("policy dry-run plays limits through with the recorded times") {
  ShopStore store;
  const PolicyFiles files;
  // Three at once, each of 100 ms, and one when they are over.
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i)
    ids.push_back(AddCall(store, absl::Milliseconds(i * 10), "alice", {}, "/shop.Orders/Get"));
  AddCall(store, absl::Milliseconds(150), "alice", {}, "/shop.Orders/Get");
  const auto report = [&](const std::string& limit) {
    const std::string file = files.Write("p.yaml", "access: {default: allow}\nlimits: [{name: l, " + limit + "}]");
    const CommandResult result = Run({"policy", "dry-run", file, "--data", store.data(), "--json"});
    CHECK(result.code == (Json::parse(result.output)["would_limit"] == 0 ? 0 : 1));
    return Json::parse(result.output);
  };
  CHECK(report("open_calls: 2")["would_limit"] == 1);
  CHECK(report("open_calls: 2")["groups"][0]["examples"] == Json::array({ids[2]}));
  CHECK(report("open_calls: 3")["would_limit"] == 0);
  CHECK(report("calls_per_second: 1, burst: 3")["would_limit"] == 1);
  CHECK(report("calls_per_second: 100, burst: 2")["would_limit"] == 0);
  const Json shadow = report("open_calls: 1, shadow: true");
  CHECK(shadow["would_limit"] == 0);
  CHECK(shadow["in_shadow"] == 2);
}

TEST_CASE("policy discover says where something looks sensitive, and never what") {
  ShopStore store;
  const uint64_t id = store.NewId(absl::ZeroDuration());
  recorder::EntryBatch batch = store.recorder().NewBatch(id);
  recorder::CallStart start = store.Start("/shop.Orders/Get");
  const std::vector<recorder::Metadatum> metadata = {{"x-contact", "ada@example.com"}, {"x-plain", "nothing"}};
  start.metadata = metadata;
  batch.AddStart(ShopTime(), start);
  const std::string order =
      "\x0a\x10"
      "4111111111111111";
  // And in a field that the type does not have.
  const std::string more_of_it = order +
                                 "\xfa\x3f\x0f"
                                 "ada@example.com";
  batch.AddFrame(ShopTime(), recorder::Direction::kRequest, 0, false, {order});
  batch.AddFrame(ShopTime(), recorder::Direction::kResponse, 0, false, {more_of_it});
  batch.AddFrame(ShopTime(), recorder::Direction::kResponse, 1, false, {"\x0a\x7f no message"});
  batch.AddEnd(ShopTime(), {});
  store.Append(std::move(batch));
  store.AddGet(absl::Seconds(1));
  const CommandResult result = Run({"policy", "discover", "--data", store.data(), "--json"});
  CHECK(result.code == 1);
  const Json json = Json::parse(result.output);
  CHECK(json["calls"] == 2);
  CHECK(json["unread_frames"] == 1);
  REQUIRE(json["places"].size() == 3);
  CHECK(json["places"][0] == Json{{"place", "shop.Order.card_number"},
                                  {"detector", "payment_card"},
                                  {"values", 2},
                                  {"calls", 1},
                                  {"example", recorder::FormatId(id)}});
  CHECK(json["places"][1]["place"] == "metadata x-contact");
  CHECK(json["places"][2]["place"] == "shop.Order unknown field 1023");
  const CommandResult text = Run({"policy", "discover", "--data", store.data()});
  CHECK(text.output.find("shop.Order.card_number") != std::string::npos);
  for (const std::string& output : {result.output, text.output}) {
    CHECK(output.find("41111") == std::string::npos);
    CHECK(output.find("ada@") == std::string::npos);
  }
  // Detectors of one's own.
  const PolicyFiles files;
  const std::string file = files.Write("p.yaml", "detectors: [{name: nothing, pattern: \"noth[a-z]+\"}]\n");
  const Json more = Json::parse(Run({"policy", "discover", file, "--data", store.data(), "--json"}).output);
  CHECK(more["places"].size() == 4);
}

TEST_CASE("policy dry-run leaves out what is shredded") {
  ShopStore store;
  const PolicyFiles files;
  AddCall(store, absl::ZeroDuration(), "alice", {}, "/shop.Orders/Get");
  store.Close();
  REQUIRE(Run({"keys", "shred", "--segment", "1", "--yes", "--data", store.data()}).code == 0);
  const std::string file = files.Write("p.yaml", "access: {default: deny}\n");
  const CommandResult result = Run({"policy", "dry-run", file, "--data", store.data(), "--json"});
  CHECK(result.code == 0);
  CHECK(Json::parse(result.output)["shredded"] == 1);
  CHECK(Json::parse(result.output)["calls"] == 0);
}

}  // namespace
}  // namespace sallyport::replay
