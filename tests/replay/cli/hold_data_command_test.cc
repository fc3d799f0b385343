// `sallyport hold-data`, and what it keeps `sallyport keys shred` from. And how shredded calls are shown.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/replay/cli/command_fixture.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {
namespace {

using Json = nlohmann::json;

TEST_CASE("holds are placed, listed and released") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  const CommandResult first =
      Run({"hold-data", "--identity", "*#alice", "--reason", "case \x1b 1", "--data", store.data()});
  CAPTURE(first.errors);
  REQUIRE(first.code == 0);
  CHECK(first.output == "hold 1 placed\n");
  CHECK(Run({"hold-data", "--session", recorder::FormatId(77), "--data", store.data()}).output == "hold 2 placed\n");
  const CommandResult list = Run({"hold-data", "--list", "--json", "--data", store.data()});
  REQUIRE(list.code == 0);
  const std::vector<std::string> lines = LinesOf(list.output);
  REQUIRE(lines.size() == 2);
  CHECK(Json::parse(lines[0])["identity"] == "*#alice");
  CHECK(Json::parse(lines[0])["session"].is_null());
  CHECK(Json::parse(lines[1])["session"] == recorder::FormatId(77));
  const CommandResult text = Run({"hold-data", "--list", "--data", store.data()});
  CHECK(Contains(text.output, "*#alice"));
  CHECK(Contains(text.output, "case \\x1b 1"));
  CHECK(Run({"hold-data", "--release", "1", "--data", store.data()}).output == "hold 1 released\n");
  CHECK(Run({"hold-data", "--release", "1", "--data", store.data()}).code == 1);
  CHECK(LinesOf(Run({"hold-data", "--list", "--json", "--data", store.data()}).output).size() == 1);

  CHECK(Run({"hold-data", "--data", store.data()}).code == 2);
  CHECK(Run({"hold-data", "--list", "--release", "2", "--data", store.data()}).code == 2);
  CHECK(Run({"hold-data", "--session", "!", "--data", store.data()}).code == 2);
  CHECK(Run({"hold-data", "--list", "--data", store.data() + "-not"}).code == 3);
}

TEST_CASE("what is held is not shredded; once it is released it can be, and is listed as shredded") {
  ShopStore store;
  const std::string call = store.AddGet(absl::ZeroDuration());
  store.Close();
  REQUIRE(Run({"hold-data", "--session", recorder::FormatId(77), "--data", store.data()}).code == 0);
  const std::vector<std::string> shred = {"keys", "shred", "--segment", "1", "--yes", "--data", store.data()};
  const CommandResult held = Run(shred);
  CHECK(held.code == 1);
  CHECK(Contains(held.errors, "held"));
  CHECK(Run({"show", call, "--data", store.data()}).code == 0);

  REQUIRE(Run({"hold-data", "--release", "1", "--data", store.data()}).code == 0);
  const CommandResult done = Run(shred);
  CAPTURE(done.errors);
  REQUIRE(done.code == 0);
  const CommandResult list = Run({"calls", "--json", "--data", store.data()});
  CAPTURE(list.errors);
  REQUIRE(list.code == 0);
  REQUIRE(LinesOf(list.output).size() == 1);
  const Json listed = Json::parse(LinesOf(list.output)[0]);
  CHECK(listed["id"] == call);
  CHECK(listed["state"] == "shredded");
  CHECK(listed["identity"] == "(shredded)");
  CHECK(listed["method"] == "(shredded)");
  CHECK(listed["session"].is_null());
  CHECK(listed["status"].is_null());
  CHECK(listed["duration_ns"].is_null());
  CHECK(listed["start"] == "2026-01-02T03:04:05.000000000Z");
  for (const char* wide : {"--wide", "--limit=5"}) {
    CHECK(Contains(Run({"calls", wide, "--data", store.data()}).output, "shredded"));
  }
  CHECK(Run({"calls", "--method", "*/*", "--json", "--data", store.data()}).output == "");
  CHECK(Run({"sessions", "--json", "--data", store.data()}).output == "");
  const CommandResult shown = Run({"show", call, "--data", store.data()});
  CHECK(shown.code == 3);
  CHECK(Contains(shown.errors, "is shredded"));
}

}  // namespace
}  // namespace sallyport::replay
