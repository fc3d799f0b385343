// `sallyport tail`.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/replay/cli/command_fixture.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {
namespace {

using Json = nlohmann::json;

TEST_CASE("tail prints calls as they start and end, and Ctrl-C ends it well") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());  // before: not shown
  RunningCommand tail({"tail", "--data", store.data()});
  REQUIRE(tail.WaitForErrors("following "));
  const uint64_t open = store.AddOpen(absl::Seconds(1));
  REQUIRE(tail.WaitForOutput("start  shop.Orders/Watch  https://idp.test#alice"));
  recorder::EntryBatch batch = store.recorder().NewBatch(open);
  recorder::CallEnd end;
  end.reason = recorder::EndReason::kCancelled;
  end.status_code = 1;
  end.status_message = "gone\x1b[2J";
  end.duration = absl::Seconds(2);
  batch.AddEnd(ShopTime() + absl::Seconds(3), end);
  store.Append(std::move(batch));
  REQUIRE(tail.WaitForOutput("end    shop.Orders/Watch  CANCELLED in 2.00s  cancelled  gone\\x1b[2J\n"));
  tail.Signal(SIGINT);
  CHECK(tail.Wait() == 0);
  CHECK(LinesOf(tail.output()).size() == 2);
}

TEST_CASE("tail sees the first call of a new store") {
  ShopStore store;
  RunningCommand tail({"tail", "--data", store.data()});
  REQUIRE(tail.WaitForErrors("following "));
  store.AddGet(absl::ZeroDuration());
  CHECK(tail.WaitForOutput("end    shop.Orders/Get  OK in 3.00ms\n"));
  tail.Signal(SIGINT);
  CHECK(tail.Wait() == 0);
}

TEST_CASE("tail says when no gateway writes to the store, and goes on") {
  ShopStore store;
  RunningCommand tail({"tail", "--data", store.data()});
  REQUIRE(tail.WaitForErrors("following "));
  store.Close();
  REQUIRE(tail.WaitForErrors("note: no gateway writes to this store now"));
  store.Reopen();
  REQUIRE(tail.WaitForErrors("note: a gateway writes to this store now"));
  store.AddGet(absl::ZeroDuration());
  CHECK(tail.WaitForOutput("end    shop.Orders/Get  OK in 3.00ms\n"));
  tail.Signal(SIGINT);
  CHECK(tail.Wait() == 0);
}

TEST_CASE("tail of a store that is stopped says so at once") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  store.Close();
  RunningCommand tail({"tail", "--data", store.data()});
  REQUIRE(tail.WaitForErrors("note: no gateway writes to this store now: nothing comes until one does\n"));
  tail.Signal(SIGINT);
  CHECK(tail.Wait() == 0);
}

TEST_CASE("tail keeps to its filters, also for calls that began before it") {
  ShopStore store;
  const uint64_t before = store.AddOpen(absl::ZeroDuration());
  RunningCommand tail({"tail", "--json", "--frames", "--method", "shop.*", "--data", store.data()});
  REQUIRE(tail.WaitForErrors("following "));
  store.AddFailure(absl::Seconds(1), "/other.Service/Lookup", 5);
  recorder::EntryBatch batch = store.recorder().NewBatch(before);
  batch.AddFrame(ShopTime() + absl::Seconds(2), recorder::Direction::kResponse, 0, false, {kOrder});
  store.Append(std::move(batch));
  const std::string last = store.AddGet(absl::Seconds(3));
  REQUIRE(tail.WaitForOutput("\"event\":\"end\""));
  tail.Signal(SIGTERM);
  CHECK(tail.Wait() == 0);
  const std::vector<std::string> lines = LinesOf(tail.output());
  REQUIRE(lines.size() == 7);
  const Json frame = Json::parse(lines[0]);
  CHECK(frame["call"] == recorder::FormatId(before));
  CHECK(frame["method"] == "shop.Orders/Watch");
  CHECK(frame["event"] == "frame");
  CHECK(frame["direction"] == "response");
  CHECK(frame["size"] == 8);
  const std::vector<std::string> events = {"start", "frame", "half_close", "response_headers", "frame", "end"};
  for (size_t i = 0; i < events.size(); ++i) {
    CHECK(Json::parse(lines[i + 1])["event"] == events[i]);
    CHECK(Json::parse(lines[i + 1])["call"] == last);
  }
}

TEST_CASE("tail shows of calls that began before it only those that its filters let through") {
  ShopStore store;
  const auto open = [&](const recorder::CallStart& start) {
    const uint64_t id = store.NewId(absl::ZeroDuration());
    recorder::EntryBatch batch = store.recorder().NewBatch(id);
    batch.AddStart(ShopTime(), start);
    store.Append(std::move(batch));
    return id;
  };
  const auto go_on = [&](uint64_t id) {
    recorder::EntryBatch batch = store.recorder().NewBatch(id);
    batch.AddFrame(ShopTime() + absl::Seconds(1), recorder::Direction::kResponse, 0, false, {kOrder});
    store.Append(std::move(batch));
  };
  for (const std::string filter : {"--method=shop.*", "--identity=*#alice", "--upstream=shop"}) {
    CAPTURE(filter);
    recorder::CallStart start = store.Start("/shop.Orders/Watch");
    const uint64_t wanted = open(start);
    if (filter.starts_with("--method")) start.method = "/other.Orders/Watch";
    if (filter.starts_with("--identity")) start.identity.subject = "bob";
    if (filter.starts_with("--upstream")) start.upstream = "other";
    const uint64_t unwanted = open(start);
    RunningCommand tail({"tail", "--json", "--frames", filter, "--data", store.data()});
    REQUIRE(tail.WaitForErrors("following "));
    go_on(unwanted);
    go_on(wanted);
    REQUIRE(tail.WaitForOutput(recorder::FormatId(wanted)));
    tail.Signal(SIGINT);
    CHECK(tail.Wait() == 0);
    CHECK(LinesOf(tail.output()).size() == 1);
  }
}

TEST_CASE("tail --messages shows what was sent, also of calls that began before it, and says what cannot be read") {
  ShopStore store;
  const uint64_t before = store.AddOpen(absl::ZeroDuration());
  for (const bool json : {false, true}) {
    std::vector<std::string> command = {"tail", "--messages", "--data", store.data()};
    if (json) command.push_back("--json");
    RunningCommand tail(command);
    REQUIRE(tail.WaitForErrors("following "));
    recorder::EntryBatch batch = store.recorder().NewBatch(before);
    batch.AddFrame(ShopTime() + absl::Seconds(2), recorder::Direction::kResponse, 0, false, {kOrder});
    store.Append(std::move(batch));
    store.AddGet(absl::Seconds(3));
    // Without descriptors.
    recorder::EntryBatch unknown = store.recorder().NewBatch(store.NewId(absl::Seconds(4)));
    recorder::CallStart start = recorder::StartOf("/other.Service/Get");
    unknown.AddStart(ShopTime(), start);
    unknown.AddFrame(ShopTime(), recorder::Direction::kRequest, 0, false, {kOrder});
    unknown.AddEnd(ShopTime(), {});
    store.Append(std::move(unknown));
    const bool ended =
        tail.WaitForOutput(json ? R"("method":"other.Service/Get","identity":"https://idp.test#alice","event":"end")"
                                : "end    other.Service/Get");
    CAPTURE(tail.output(), tail.errors());
    REQUIRE(ended);
    tail.Signal(SIGINT);
    CHECK(tail.Wait() == 0);
    std::vector<std::string> shown;
    for (const std::string& line : LinesOf(tail.output())) {
      if (!json && line.starts_with("    ")) shown.push_back(line.substr(4));
      if (json && Json::parse(line)["event"] == "frame") shown.push_back(line);
    }
    REQUIRE(shown.size() == 4);
    for (size_t i = 0; i < 3; ++i) {
      const Json message = json ? Json::parse(shown[i])["message"] : Json::parse(shown[i]);
      CHECK(message["card_number"] == "4111");
    }
    if (json) {
      CHECK(Json::parse(shown[3]).contains("undecoded"));
      CHECK(Json::parse(shown[3]).contains("payload"));
    } else {
      CHECK(shown[3] == "[not decoded: no descriptor was known for this method]");
    }
  }
}

}  // namespace
}  // namespace sallyport::replay
