// `sallyport calls`, `sallyport sessions`, `sallyport index rebuild`, and what all commands have in common.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tests/replay/cli/command_fixture.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {
namespace {

using Json = nlohmann::json;

// The ids that `sallyport calls --json ARGUMENTS...` lists, in order.
std::vector<std::string> Listed(const ShopStore& store, const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {"calls", "--json", "--data", store.data()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const CommandResult result = Run(all);
  CAPTURE(result.errors);
  REQUIRE(result.code == 0);
  std::vector<std::string> ids;
  for (const std::string& line : LinesOf(result.output)) ids.push_back(Json::parse(line)["id"]);
  return ids;
}

using Ids = std::vector<std::string>;

TEST_CASE("calls are listed for people, newest first, each on one line that fits a terminal") {
  ShopStore store;
  const std::string first = store.AddGet(absl::ZeroDuration());
  const std::string second = store.AddFailure(absl::Seconds(10), "/other.Service/Lookup", 5);
  const std::string open = recorder::FormatId(store.AddOpen(absl::Seconds(20)));
  const CommandResult result = Run({"calls", "--data", store.data()});
  REQUIRE(result.code == 0);
  CHECK(result.errors.empty());
  const std::vector<std::string> lines = LinesOf(result.output);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].find("CALL") == 0);
  CHECK(lines[1].find(open) == 0);
  CHECK(Contains(lines[1], "shop.Orders/Watch"));
  CHECK(Contains(lines[1], "open"));
  CHECK(lines[2].find(second) == 0);
  CHECK(Contains(lines[2], "anonymous"));
  CHECK(Contains(lines[2], "other.Service/Lookup"));
  CHECK(Contains(lines[2], "NOT_FOUND"));
  CHECK(Contains(lines[2], "1.50s"));
  CHECK(lines[3].find(first) == 0);
  CHECK(Contains(lines[3], "2026-01-02 03:04:05"));
  CHECK(Contains(lines[3], "OK"));
  CHECK(Contains(lines[3], "3.00ms"));
  CHECK(Contains(lines[3], "8 B"));
  for (const std::string& line : lines) CHECK(line.size() <= 142);  // an ellipsis has three bytes
}

TEST_CASE("--json gives one object a line with the documented names") {
  ShopStore store;
  const std::string id = store.AddGet(absl::ZeroDuration());
  const CommandResult result = Run({"calls", "--json", "--data", store.data()});
  REQUIRE(result.code == 0);
  REQUIRE(LinesOf(result.output).size() == 1);
  CHECK(Json::parse(result.output) == Json({{"id", id},
                                            {"session", "2d"},
                                            {"identity", "https://idp.test#alice"},
                                            {"method", "shop.Orders/Get"},
                                            {"upstream", "shop"},
                                            {"peer", "ipv4:10.0.0.7:51514"},
                                            {"trace_id", kShopTraceText},
                                            {"start", "2026-01-02T03:04:05.000000000Z"},
                                            {"state", "completed"},
                                            {"status", "OK"},
                                            {"status_code", 0},
                                            {"connection_lost", false},
                                            {"duration_ns", 3'000'000},
                                            {"request_frames", 1},
                                            {"response_frames", 1},
                                            {"request_bytes", 8},
                                            {"response_bytes", 8}}));
}

TEST_CASE("each filter keeps the calls it names") {
  ShopStore store;
  const std::string get = store.AddGet(absl::ZeroDuration());
  const std::string slow = store.AddGet(absl::Minutes(1), absl::Seconds(2));
  const std::string failed = store.AddFailure(absl::Minutes(2), "/other.Service/Lookup", 5);
  const std::string open = recorder::FormatId(store.AddOpen(absl::Minutes(3)));
  CHECK(Listed(store, {}) == Ids{open, failed, slow, get});
  CHECK(Listed(store, {"--identity", "*alice"}) == Ids{open, slow, get});
  CHECK(Listed(store, {"--identity", "anonymous"}) == Ids{failed});
  CHECK(Listed(store, {"--method", "shop.Orders/*"}) == Ids{open, slow, get});
  CHECK(Listed(store, {"--method", "/shop.Orders/Get"}) == Ids{slow, get});
  CHECK(Listed(store, {"--upstream", "oth?r"}) == Ids{failed});
  CHECK(Listed(store, {"--status", "not_found"}) == Ids{failed});
  CHECK(Listed(store, {"--status", "Not-Found"}) == Ids{failed});
  CHECK(Listed(store, {"--status", "5"}) == Ids{failed});
  CHECK(Listed(store, {"--status", "ok"}) == Ids{slow, get});
  CHECK(Listed(store, {"--status", "open"}) == Ids{open});
  CHECK(Listed(store, {"--session", "2d"}) == Ids{open, slow, get});
  CHECK(Listed(store, {"--session", "2D"}) == Ids{open, slow, get});
  CHECK(Listed(store, {"--trace", kShopTraceText}) == Ids{slow, get});
  CHECK(Listed(store, {"--trace", "4BF92F3577B34DA6A3CE929D0E0E4736"}) == Ids{slow, get});
  CHECK(Listed(store, {"--trace", "4bf92f3577b34da6a3ce929d0e0e4737"}).empty());
  CHECK(Listed(store, {"--since", "2026-01-02T03:05:05"}) == Ids{open, failed, slow});
  CHECK(Listed(store, {"--until", "2026-01-02T03:05:05"}) == Ids{get});
  CHECK(Listed(store, {"--min-duration", "1s"}) == Ids{failed, slow});
  CHECK(Listed(store, {"--min-duration", "1s", "--status", "OK"}) == Ids{slow});
  CHECK(Listed(store, {"--method", "nothing*"}).empty());
}

TEST_CASE("a status that gRPC has no name for is recorded as it came, listed, and found") {
  ShopStore store;
  const std::string odd = store.AddFailure(absl::ZeroDuration(), "/a.B/C", 99);
  const std::string negative = store.AddFailure(absl::Seconds(1), "/a.B/C", -1);
  store.AddFailure(absl::Seconds(2), "/a.B/C", 5);
  CHECK(Listed(store, {"--status", "99"}) == Ids{odd});
  CHECK(Listed(store, {"--status", "-1"}) == Ids{negative});
  CHECK(Listed(store, {"--status=-1"}) == Ids{negative});
  const CommandResult listed = Run({"calls", "--json", "--status", "-1", "--data", store.data()});
  REQUIRE(listed.code == 0);
  const Json json = Json::parse(listed.output);
  CHECK(json["status"] == "-1");
  CHECK(json["status_code"] == -1);
  for (const auto& [id, status] : {std::pair{odd, 99}, {negative, -1}}) {
    const CommandResult shown = Run({"show", id, "--json", "--data", store.data()});
    CHECK(Json::parse(shown.output)["end"]["status_code"] == status);
    CHECK(Contains(Run({"show", id, "--data", store.data()}).output, absl::StrCat("Status       ", status)));
  }
}

TEST_CASE("a caller's path that looks like what the gateway says itself keeps its slash") {
  ShopStore store;
  for (const char* path : {"/(200+ refused calls)", "/(shredded)"}) store.AddFailure(absl::Seconds(1), path, 12);
  store.Close();
  const CommandResult list = Run({"calls", "--json", "--data", store.data()});
  CHECK(Contains(list.output, "\"method\":\"/(shredded)\""));
  CHECK(Contains(list.output, "\"method\":\"/(200+ refused calls)\""));
  CHECK(Contains(Run({"calls", "--method", "/(shred*", "--data", store.data()}).output, "/(shredded)"));
  CHECK_FALSE(Contains(Run({"calls", "--method", "(shred*", "--data", store.data()}).output, "shredded"));
  CHECK(Run({"verify", "--data", store.data()}).code == 0);
}

TEST_CASE("pages of calls join without a gap and without doubles") {
  ShopStore store;
  Ids all;
  for (int i = 0; i < 7; ++i) all.insert(all.begin(), store.AddGet(absl::Seconds(i)));
  CHECK(Listed(store, {"--limit", "3"}) == Ids(all.begin(), all.begin() + 3));
  CHECK(Listed(store, {"--limit", "3", "--after", all[2]}) == Ids(all.begin() + 3, all.begin() + 6));
  CHECK(Listed(store, {"--limit", "3", "--after", all[5]}) == Ids(all.begin() + 6, all.end()));
  CHECK(Listed(store, {"--limit", "0"}) == all);
}

TEST_CASE("an empty list is not an error") {
  ShopStore store;
  const CommandResult calls = Run({"calls", "--data", store.data()});
  CHECK(calls.code == 0);
  CHECK(LinesOf(calls.output).size() == 1);
  const CommandResult json = Run({"calls", "--json", "--data", store.data()});
  CHECK(json.code == 0);
  CHECK(json.output.empty());
}

TEST_CASE("sessions are listed with how many calls they had") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  store.AddGet(absl::Seconds(5));
  store.AddFailure(absl::Seconds(7), "/a.B/C", 12);
  const CommandResult text = Run({"sessions", "--data", store.data()});
  REQUIRE(text.code == 0);
  CHECK(LinesOf(text.output).size() == 3);
  CHECK(Contains(text.output, "nightly"));
  const CommandResult json = Run({"sessions", "--json", "--data", store.data(), "--identity", "*#alice"});
  REQUIRE(json.code == 0);
  CHECK(Json::parse(json.output) == Json({{"id", "2d"},
                                          {"identity", "https://idp.test#alice"},
                                          {"name", "nightly"},
                                          {"peer", "ipv4:10.0.0.7:51514"},
                                          {"first_start", "2026-01-02T03:04:05.000000000Z"},
                                          {"last_start", "2026-01-02T03:04:10.000000000Z"},
                                          {"calls", 2}}));
}

TEST_CASE("the data directory may come from the environment") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  setenv("SALLYPORT_DATA", store.data().c_str(), 1);
  const CommandResult result = Run({"calls", "--json"});
  unsetenv("SALLYPORT_DATA");
  CHECK(result.code == 0);
  CHECK(LinesOf(result.output).size() == 1);
}

TEST_CASE("the index is rebuilt from the log alone, and not while a gateway runs") {
  ShopStore store;
  const std::string id = store.AddGet(absl::ZeroDuration());
  const CommandResult busy = Run({"index", "rebuild", "--data", store.data()});
  CHECK(busy.code == 3);
  CHECK(busy.errors.find("sallyport: ") == 0);
  store.Close();
  const CommandResult rebuilt = Run({"index", "rebuild", "--data", store.data()});
  CHECK(rebuilt.code == 0);
  CHECK(rebuilt.output == "1 call indexed\n");
  CHECK(rebuilt.errors.empty());  // progress is for terminals
  CHECK(Listed(store, {}) == Ids{id});
}

TEST_CASE("wrong usage says what is wrong and exits with 2") {
  ShopStore store;
  struct Wrong {
    std::vector<std::string> arguments;
    std::string told;
  };
  const Wrong wrong = GENERATE(values<Wrong>({
      {{}, "a command is required"},
      {{"wombat"}, "wombat"},
      {{"calls", "--status", "FINE"}, "--status: \"FINE\" is not a status: name one of OK, CANCELLED, "},
      {{"calls", "--status", "99999999999"}, "is not a status"},
      {{"calls", "--status", "1.5"}, "is not a status"},
      {{"calls", "--since", "yesterday"}, "--since: \"yesterday\" is not a point in time"},
      {{"calls", "--until", "10"}, "--until: "},
      {{"calls", "--min-duration", "fast"}, "--min-duration: \"fast\" is not a duration"},
      {{"calls", "--session", "no-id"}, "--session: \"no-id\" is not a session id"},
      {{"calls", "--after", "u!"}, "is not a call id: they are letters and digits"},
      {{"show", "\x1b[2J"}, "is not a call id"},
      {{"sessions", "--since", "never"}, "--since: "},
      {{"index"}, "a command is required"},
      {{"index", "wombat"}, "wombat"},
  }));
  std::vector<std::string> arguments = wrong.arguments;
  if (!arguments.empty() && arguments[0] != "wombat" && arguments[0] != "index") {
    arguments.insert(arguments.end(), {"--data", store.data()});
  }
  const CommandResult result = Run(arguments);
  CAPTURE(arguments, result.errors);
  CHECK(result.code == 2);
  CHECK(Contains(result.errors, wrong.told));
  CHECK_FALSE(Contains(result.errors, "\x1b"));
  CHECK(result.output.empty());
}

TEST_CASE("where there is no store every command says so and exits with 3") {
  recorder::TemporaryDirectory nothing;
  const std::string missing = nothing.path() + "/missing";
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"calls"}, {"sessions"}, {"show", "abc"}, {"tail"}, {"index", "rebuild"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--data", missing});
    const CommandResult result = Run(arguments);
    CAPTURE(arguments);
    CHECK(result.code == 3);
    CHECK(Contains(result.errors, missing));
    CHECK(result.output.empty());
  }
}

TEST_CASE("--help describes every command and exits with 0") {
  const CommandResult all = Run({"--help"});
  CHECK(all.code == 0);
  for (const char* name : {"calls", "show", "sessions", "tail", "replay", "index"}) {
    CHECK(Contains(all.output, std::string("\n  ") + name + " "));
    const CommandResult one = Run({name, "--help"});
    CHECK(one.code == 0);
    CHECK(Contains(one.output, "--help"));
  }
  CHECK(Run({"--version"}).output.find("sallyport ") == 0);
  CHECK(Contains(Run({"calls", "--help"}).output, "Examples:"));
  CHECK(Contains(Run({"index", "rebuild", "--help"}).output, "--data"));
}

}  // namespace
}  // namespace sallyport::replay
