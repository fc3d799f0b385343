// Commands that ask a server, and what `calls` can be asked for besides a list.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "recorder/format/checkpoint.h"
#include "replay/cli/csv.h"
#include "replay/view/local_store.h"
#include "tests/fakes/audit_server.h"
#include "tests/replay/cli/command_fixture.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {
namespace {

using Json = nlohmann::json;
using testing::AuditServer;
using testing::ScriptedCall;
using testing::ScriptedServer;

// A server that answers each call of a method with the messages, and keeps the last request.
template <typename Request>
ScriptedServer::Script Answering(const std::vector<std::string>& messages, Request* request) {
  return [messages, request](ScriptedCall& call) {
    const std::optional<std::string> bytes = call.Read();
    if (bytes.has_value()) static_cast<void>(request->ParseFromString(*bytes));
    for (const std::string& message : messages) call.Write(message);
    return grpc::Status::OK;
  };
}

struct Shop {
  ShopStore store;
  std::string get = store.AddGet(absl::ZeroDuration());
  std::string slow = store.AddGet(absl::Minutes(1), absl::Seconds(2));
  std::string failed = store.AddFailure(absl::Minutes(2), "/other.Service/Lookup", 5);
  std::unique_ptr<LocalStore> local = LocalStore::Open(store.data(), std::nullopt).value();

  std::string key() const {
    const auto opened = CallStore::Open(store.data(), std::nullopt).value();
    return recorder::CheckpointVerifierKey(opened->keys().store_id(), opened->keys().signing_key()).value().Text();
  }
  ScriptedServer::Script Checkpoints() const {
    v1::GetCheckpointsResponse answer;
    answer.set_key(key());
    return [bytes = answer.SerializeAsString()](ScriptedCall& call) {
      static_cast<void>(call.Read());
      call.Write(bytes);
      return grpc::Status::OK;
    };
  }
};

CommandResult On(Arguments arguments, const Arguments& place) {
  arguments.insert(arguments.end(), place.begin(), place.end());
  return Run(std::move(arguments));
}

TEST_CASE("every command prints the same of a server as of the data directory behind it") {
  Shop shop;
  AuditServer server(*shop.local, {{"GetCheckpoints", shop.Checkpoints()}});
  const std::vector<Arguments> commands = {
      {"calls"},
      {"calls", "--json"},
      {"calls", "--wide"},
      {"calls", "--csv"},
      {"calls", "--limit", "1"},
      {"calls", "--after", shop.slow},
      {"calls", "--status", "not_found", "--json"},
      {"calls", "--method", "nothing*"},
      {"calls", "--prove", "-", "--json"},
      {"calls", "--count"},
      {"calls", "--count", "--status", "open", "--json"},
      {"calls", "--count", "--where", "status_code == 5"},
      {"calls", "--stats"},
      {"calls", "--stats", "--json"},
      {"calls", "--group-by", "method,status", "--csv"},
      {"calls", "--where", "duration > duration('1s')"},
      {"calls", "--text", "4111", "--json"},
      {"calls", "--text", "nowhere"},
      {"sessions"},
      {"sessions", "--json"},
      {"show", shop.get},
      {"show", shop.get, "--json"},
      {"show", shop.get, "--json", "--raw"},
      {"show", shop.failed, "--full"},
      {"show", shop.get, "--frame", "1"},
      {"show", shop.get, "--frame", "0", "--raw"},
      {"show", shop.get, "--frame", "9"},
      {"show", recorder::FormatId(1'767'323'045'012'345)},
      {"evidence", shop.get},
      {"evidence", recorder::FormatId(1'767'323'045'012'345)},
      {"replay", "--dry-run", "--json", shop.get},
      {"replay", "--dry-run", "--method", "shop.*"},
  };
  for (const Arguments& command : commands) {
    CAPTURE(command);
    const CommandResult here = On(command, {"--data", shop.store.data()});
    const CommandResult there = On(command, {"--server", server.address()});
    CHECK(there.output == here.output);
    CHECK(there.errors == absl::StrReplaceAll(here.errors, {{shop.store.data(), server.address()}}));
    CHECK(there.code == here.code);
  }
}

TEST_CASE("a condition that a server refuses is wrong usage, with its place") {
  Shop shop;
  AuditServer server(*shop.local);
  for (const Arguments& place : {Arguments{"--data", shop.store.data()}, Arguments{"--server", server.address()}}) {
    const CommandResult result = On({"calls", "--where", "nothing == 1"}, place);
    CHECK(result.code == 2);
    CHECK(result.output.empty());
    CHECK(Contains(result.errors, "filter.where: 1:1: there is no \"nothing\" here"));
  }
}

TEST_CASE("tail follows a server") {
  Shop shop;
  AuditServer server(*shop.local);
  RunningCommand tail({"tail", "--server", server.address()});
  REQUIRE(tail.WaitForErrors("following " + server.address()));
  shop.store.AddGet(absl::Minutes(3));
  CHECK(tail.WaitForOutput("end    shop.Orders/Get  OK in 3.00ms\n"));
  tail.Signal(SIGINT);
  CHECK(tail.Wait() == 0);
}

TEST_CASE("what is typed counts before the environment, and two records are not one") {
  Shop shop;
  AuditServer server(*shop.local);
  ShopStore other;
  const std::string call = other.AddGet(absl::Hours(1));
  const auto in = [](const std::string& variables, const std::string& rest) {
    RunningCommand command({"-c", absl::StrCat(variables, " exec ", SALLYPORT_PROGRAM, " calls --json ", rest)},
                           "/bin/sh");
    const int code = command.Wait();
    return CommandResult{code, command.output(), command.errors()};
  };
  const std::string at_server = "SALLYPORT_SERVER=" + server.address();
  const std::string at_data = "SALLYPORT_DATA=" + other.data();
  CHECK(Contains(in(at_server, "").output, shop.get));
  CHECK(Contains(in(absl::StrCat(at_server, " ", at_data), "").output, shop.get));
  CHECK(Contains(in(at_server, "--data " + other.data()).output, call));
  CHECK(Contains(in(at_data, "--server " + server.address()).output, shop.get));
  const CommandResult both = in("", absl::StrCat("--data ", other.data(), " --server ", server.address()));
  CHECK(both.code == 2);
  CHECK(Contains(both.errors, "give one of them"));
  const CommandResult none = in("", "--plaintext --data " + other.data());
  CHECK(none.code == 2);
  CHECK(Contains(none.errors, "name it with --server"));
}

TEST_CASE("the token of the file named goes with every call, and is not printed") {
  Shop shop;
  AuditServer server(*shop.local);
  const std::string path = shop.store.data() + "/token";
  std::ofstream(path) << "very-secret\n";
  const CommandResult result = Run({"calls", "--server", server.address(), "--token", path});
  CHECK(result.code == 0);
  CHECK_FALSE(Contains(absl::StrCat(result.output, result.errors), "very-secret"));
  REQUIRE_FALSE(server.authorizations().empty());
  for (const std::string& each : server.authorizations()) CHECK(each == "Bearer very-secret");
}

TEST_CASE("a server that is not there is exit status 3, with how to name one") {
  const CommandResult result = Run({"calls", "--server", "127.0.0.1:1"});
  CHECK(result.code == 3);
  CHECK(Contains(result.errors, "127.0.0.1:1 cannot be asked"));
  CHECK(Contains(result.errors, "--server HOST:PORT"));
}

TEST_CASE("conditions and texts are looked for by a scan, which goes on where a bound ended it") {
  Shop shop;
  v1::SearchCallsRequest request;
  const auto bytes = [](const v1::ScanCallsResponse& said) { return said.SerializeAsString(); };
  v1::ScanCallsResponse first;
  first.mutable_call()->set_id(shop.get);
  v1::ScanCallsResponse bound;
  bound.mutable_progress()->set_calls(7);
  bound.mutable_progress()->set_done(true);
  bound.mutable_progress()->set_next_page_token("on");
  v1::ScanCallsResponse second;
  second.mutable_call()->set_id(shop.slow);
  v1::ScanCallsResponse done;
  done.mutable_progress()->set_done(true);
  done.mutable_progress()->set_unreadable(2);
  const ScriptedServer::Script one = Answering({bytes(first), bytes(bound)}, &request);
  const ScriptedServer::Script two = Answering({bytes(second), bytes(done)}, &request);
  bool again = false;
  AuditServer server(
      *shop.local,
      {{"ScanCalls", [&](ScriptedCall& call) { return std::exchange(again, true) ? two(call) : one(call); }}});
  const CommandResult result =
      Run({"calls", "--json", "--where", "status == \"OK\"", "--text", "4111", "--correlation", "X-Request-Id=7",
           "--accessed-by", "ali*", "--caller-kind", "human", "--server", server.address()});
  CHECK(result.code == 0);
  REQUIRE(LinesOf(result.output).size() == 2);
  CHECK(Json::parse(LinesOf(result.output)[1])["id"] == shop.slow);
  CHECK(Contains(result.errors, "2 calls could not be read or decoded"));
  CHECK(request.filter().where() == "status == \"OK\"");
  CHECK(request.filter().text() == "4111");
  CHECK(request.filter().correlation() == "x-request-id=7");
  CHECK(request.filter().accessed_by() == "ali*");
  CHECK(request.filter().caller_kind() == v1::CALLER_KIND_HUMAN);
  CHECK(request.page_token() == "on");
  again = false;
  const CommandResult limited = Run({"calls", "--json", "--text", "x", "--limit", "1", "--server", server.address()});
  CHECK(LinesOf(limited.output).size() == 1);
  CHECK(Contains(limited.errors, absl::StrCat("--after ", shop.get, " goes on")));
  again = false;
  CHECK(Run({"calls", "--count", "--text", "x", "--server", server.address()}).output == "2\n");
}

TEST_CASE("Ctrl-C ends a search with what it has found") {
  Shop shop;
  v1::ScanCallsResponse found;
  found.mutable_call()->set_id(shop.get);
  std::promise<void> asked;
  AuditServer server(*shop.local, {{"ScanCalls", [&](ScriptedCall& call) {
                                      static_cast<void>(call.Read());
                                      call.Write(found.SerializeAsString());
                                      asked.set_value();
                                      call.AwaitCancel();
                                      return grpc::Status::CANCELLED;
                                    }}});
  RunningCommand command({"calls", "--text", "x", "--server", server.address()});
  REQUIRE(asked.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  command.Signal(SIGINT);
  CHECK(command.Wait() == 130);
  CHECK(Contains(command.errors(), "note: interrupted"));
}

v1::Statistics SomeNumbers() {
  v1::Statistics statistics;
  v1::StatisticsSeries& series = *statistics.add_series();
  series.add_group("=shop.Orders/Get");
  series.add_group("5");
  v1::StatisticsPoint& point = *series.add_points();
  point.mutable_start()->set_seconds(1'767'323'045);
  point.set_calls(12);
  point.set_errors(3);
  point.set_refused(1);
  point.set_request_bytes(1024);
  point.set_response_bytes(1024);
  point.mutable_latency()->mutable_p50()->set_nanos(3'000'000);
  point.mutable_latency()->mutable_p99()->set_seconds(2);
  statistics.add_series()->add_points()->set_calls(4);
  statistics.mutable_series(1)->mutable_points(0)->set_open(4);
  return statistics;
}

TEST_CASE("numbers are a table, JSON or CSV, by what was asked for") {
  Shop shop;
  v1::StatisticsRequest request;
  AuditServer server(*shop.local, {{"Statistics", Answering({SomeNumbers().SerializeAsString()}, &request)}});
  const Arguments asked = {"calls",    "--group-by", "method, status", "--interval",    "1h",
                           "--method", "shop.*",     "--server",       server.address()};
  const CommandResult text = Run(asked);
  CHECK(text.code == 0);
  const std::vector<std::string> lines = LinesOf(text.output);
  REQUIRE(lines.size() == 3);
  CHECK_THAT(lines[0], Catch::Matches("START +METHOD +STATUS +CALLS +ERRORS +REFUSED +P50 +P99 +BYTES"));
  CHECK_THAT(lines[1],
             Catch::Matches("2026-01-02 03:04:05 +=shop.Orders/Get +NOT_FOUND +12 +3 +1 +3.00ms +2.00s +2 KiB"));
  CHECK_THAT(lines[2], Catch::Contains("(all others)") && Catch::Contains(" -  "));
  REQUIRE(request.group_by_size() == 2);
  CHECK(request.group_by(0) == v1::STATISTICS_KEY_METHOD);
  CHECK(request.group_by(1) == v1::STATISTICS_KEY_STATUS);
  CHECK(request.interval().seconds() == 3600);
  CHECK(request.filter().method() == "shop.*");

  const CommandResult json = On(asked, {"--json"});
  const Json first = Json::parse(LinesOf(json.output)[0]);
  CHECK(first["group"] == Json({{"method", "=shop.Orders/Get"}, {"status", "NOT_FOUND"}}));
  CHECK(first["calls"] == 12);
  CHECK(first["p99_ns"] == 2'000'000'000);
  const Json others = Json::parse(LinesOf(json.output)[1]);
  CHECK(others["group"].is_null());
  CHECK(others["p50_ns"].is_null());

  const CommandResult csv = On(asked, {"--csv"});
  CHECK(Contains(csv.output, "start,method,status,calls,errors,refused,open,request_bytes,response_bytes,p50_ns"));
  CHECK(Contains(csv.output, "2026-01-02T03:04:05.000000000Z,'=shop.Orders/Get,NOT_FOUND,12,3,1,0,1024,1024,3000000,"));
}

TEST_CASE("calls are counted to the last") {
  Shop shop;
  v1::SearchCallsRequest request;
  v1::SearchCallsResponse counted;
  counted.set_count(12'345);
  AuditServer server(*shop.local, {{"SearchCalls", Answering({counted.SerializeAsString()}, &request)}});
  CHECK(Run({"calls", "--count", "--server", server.address()}).output == "12345\n");
  CHECK(request.count() == v1::COUNT_MODE_EXACT);
  CHECK(Json::parse(Run({"calls", "--count", "--json", "--server", server.address()}).output) ==
        Json({{"count", 12'345}, {"more", false}}));
}

TEST_CASE("options of which one would have no effect are refused") {
  Shop shop;
  const Arguments each = GENERATE(values<Arguments>({{"--json", "--csv"},
                                                     {"--count", "--csv"},
                                                     {"--count", "--stats"},
                                                     {"--count", "--limit", "1"},
                                                     {"--stats", "--prove", "-"},
                                                     {"--group-by", "peer"},
                                                     {"--group-by", "method,method"},
                                                     {"--interval", "0s"},
                                                     {"--correlation", "x"},
                                                     {"--caller-kind", "cat"}}));
  Arguments arguments = {"calls"};
  arguments.insert(arguments.end(), each.begin(), each.end());
  CAPTURE(each);
  const CommandResult result = On(arguments, {"--data", shop.store.data()});
  CHECK(result.code == 2);
  CHECK(result.output.empty());
}

TEST_CASE("show says who has seen the call, where that is told") {
  Shop shop;
  v1::ListLooksRequest request;
  v1::ListLooksResponse looks;
  v1::CallSummary& look = *looks.add_looks();
  look.set_id(shop.slow);
  look.set_identity("https://idp.test#bo\x1b");
  look.set_method("sallyport.v1.Audit/ReadCall");
  look.mutable_start()->set_seconds(1'767'323'045);
  AuditServer server(*shop.local, {{"ListLooks", Answering({looks.SerializeAsString()}, &request)}});
  const CommandResult text = Run({"show", shop.get, "--server", server.address()});
  CHECK(Contains(text.output, absl::StrCat("\nSeen by\n  2026-01-02 03:04:05  https://idp.test#bo\\x1b  ReadCall  ",
                                           shop.slow, "\n")));
  CHECK(request.call() == shop.get);
  const Json json = Json::parse(Run({"show", shop.get, "--json", "--server", server.address()}).output);
  REQUIRE(json["looks"].size() == 1);
  CHECK(json["looks"][0]["identity"] == "https://idp.test#bo\x1b");
  CHECK(json["more_looks"] == false);

  AuditServer silent(
      *shop.local,
      {{"ListLooks", [](ScriptedCall&) { return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "no"); }}});
  CHECK(Json::parse(Run({"show", shop.get, "--json", "--server", silent.address()}).output)["looks"].is_null());
  CHECK_FALSE(Contains(Run({"show", shop.get, "--server", silent.address()}).output, "Seen by"));
}

TEST_CASE("a server's own verification is told, and its checkpoints are checked here") {
  Shop shop;
  v1::VerifyStoreRequest request;
  v1::GetCheckpointsRequest checkpoints_request;
  const auto opened = CallStore::Open(shop.store.data(), std::nullopt).value();
  recorder::Checkpoint checkpoint;
  checkpoint.origin = recorder::CheckpointOrigin(opened->keys().store_id());
  checkpoint.size = 3;
  v1::GetCheckpointsResponse checkpoints;
  checkpoints.set_key(shop.key());
  checkpoints.add_checkpoints(recorder::SignCheckpoint(checkpoint, opened->keys().signing_key()).value().note);
  v1::VerifyStoreResponse result;
  result.mutable_result()->set_good(true);
  result.mutable_result()->set_segments(1);
  AuditServer server(*shop.local,
                     {{"VerifyStore", Answering({result.SerializeAsString()}, &request)},
                      {"GetCheckpoints", Answering({checkpoints.SerializeAsString()}, &checkpoints_request)}});
  const CommandResult good = Run({"verify", "--server", server.address(), "--key", shop.key()});
  CHECK(good.code == 0);
  CHECK(Contains(good.output, "signature checked here with the key given"));
  CHECK(Contains(good.output, "\nVERIFIED\n"));
  // The key of another log.
  ShopStore other;
  const auto theirs = CallStore::Open(other.data(), std::nullopt).value();
  const std::string other_key =
      recorder::CheckpointVerifierKey(theirs->keys().store_id(), theirs->keys().signing_key()).value().Text();
  const CommandResult wrong = Run({"verify", "--json", "--server", server.address(), "--key", other_key});
  CHECK(wrong.code == 1);
  CHECK(Json::parse(wrong.output)["verified"] == false);
  CHECK(Json::parse(wrong.output)["faults"].size() == 1);
  CHECK(Run({"verify", "--server", server.address(), "--jobs", "2"}).code == 2);

  result.mutable_result()->set_good(false);
  result.mutable_result()->add_faults("segments/1: \x1b changed");
  AuditServer bad(*shop.local,
                  {{"VerifyStore", Answering({result.SerializeAsString()}, &request)},
                   {"GetCheckpoints", Answering({checkpoints.SerializeAsString()}, &checkpoints_request)}});
  const CommandResult faults = Run({"verify", "--server", bad.address()});
  CHECK(faults.code == 1);
  CHECK(Contains(faults.output, "error: segments/1: \\x1b changed\n"));
  CHECK(Contains(faults.output, "NOT VERIFIED"));
}

TEST_CASE("cells of CSV are quoted where they have to be, and no formula is one") {
  CHECK(CsvLine({"a", "b,c", "d\"e", ""}) == "a,\"b,c\",\"d\"\"e\",\r\n");
  CHECK(CsvLine({"", "a"}) == ",a\r\n");
  for (const std::string formula : {"=1+1", "+1", "-1", "@A1", " =1", "\"=1", "'=1"}) {
    CHECK(CsvText(formula) == "'" + formula);
  }
  CHECK(CsvText("a=1") == "a=1");
  CHECK(CsvText("\t=1\x1b") == "\\t=1\\x1b");
}

}  // namespace
}  // namespace sallyport::replay
