// Calls and sessions are found by what is asked, page by page.
#include <catch2/catch.hpp>
#include <functional>
#include <random>

#include "absl/strings/str_cat.h"
#include "recorder/format/trace_id.h"
#include "recorder/index/sqlite/glob.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

const absl::Time kBegin = absl::FromUnixSeconds(1'700'000'000);

struct Made {
  uint64_t id;
  std::string identity, method, upstream;
  int status;
  uint64_t session;
  absl::Time start;
  absl::Duration duration;
  bool open;
  std::string trace;  // its id
};

// Calls of 3 identities, 20 methods and 2 upstreams, a second apart.
std::vector<Made> MakeCalls(Recorder& recorder, int count) {
  std::mt19937 random(11);
  std::vector<Made> made;
  for (int i = 0; i < count; ++i) {
    Made call;
    call.start = kBegin + absl::Seconds(i);
    call.id = recorder.NewCallId(call.start);
    const int who = static_cast<int>(random() % 3);
    call.identity = who == 0 ? "anonymous" : who == 1 ? "https://idp.test#alice" : "bob";
    call.method = absl::StrCat("shop.", random() % 2 == 0 ? "Cart" : "Pay", "/M", random() % 10);
    call.upstream = random() % 8 == 0 ? "rare" : "usual";
    call.status = random() % 5 == 0 ? static_cast<int>(1 + random() % 3) : 0;
    call.session = 100 + random() % 4;
    call.duration = random() % 10 == 0 ? absl::Seconds(2) : absl::Milliseconds(static_cast<int64_t>(random() % 100));
    call.open = random() % 15 == 0;
    // Few, so that some are of several calls; some differ in either half only.
    if (random() % 3 != 0)
      call.trace = TraceIdBytes({static_cast<int64_t>(random() % 3), static_cast<int64_t>(random() % 3) - 1});

    EntryBatch batch = recorder.NewBatch(call.id);
    const std::string method = "/" + call.method;
    CallStart start = StartOf(method, call.upstream, call.session);
    start.identity = who == 0   ? IdentityView{}
                     : who == 1 ? IdentityView{"https://idp.test", "alice", {}, 1}
                                : IdentityView{"", "bob", {}, 3};
    start.trace_id = call.trace;
    start.session_name = call.session == 101 ? "named" : "";
    batch.AddStart(call.start, start);
    if (!call.open) {
      CallEnd end;
      end.status_code = call.status;
      end.duration = call.duration;
      batch.AddEnd(call.start + call.duration, end);
    }
    REQUIRE(recorder.Append(std::move(batch), Until::kAccepted, nullptr) == Appended::kDone);
    made.push_back(std::move(call));
  }
  REQUIRE(recorder.Flush().ok());
  return made;
}

TEST_CASE("every filter finds just the calls it names, in both orders, page by page") {
  TemporaryDirectory directory;
  RecorderOptions options;
  options.directory = directory.store();
  auto recorder = Recorder::Open(options);
  REQUIRE(recorder.ok());
  const std::vector<Made> made = MakeCalls(**recorder, 400);
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());

  struct Case {
    std::string name;
    std::function<void(CallQuery&)> ask;
    std::function<bool(const Made&)> expect;
  };
  const std::vector<Case> cases = {
      {"all", [](CallQuery&) {}, [](const Made&) { return true; }},
      {"identity", [](CallQuery& q) { q.identity = "bob"; }, [](const Made& c) { return c.identity == "bob"; }},
      {"identity glob", [](CallQuery& q) { q.identity = "*#ali?e"; },
       [](const Made& c) { return c.identity == "https://idp.test#alice"; }},
      {"identity unknown", [](CallQuery& q) { q.identity = "carol"; }, [](const Made&) { return false; }},
      {"method", [](CallQuery& q) { q.method = "shop.Pay/M3"; },
       [](const Made& c) { return c.method == "shop.Pay/M3"; }},
      {"methods merged", [](CallQuery& q) { q.method = "shop.Pay/*"; },
       [](const Made& c) { return c.method.find("Pay") != std::string::npos; }},
      {"methods too many to merge", [](CallQuery& q) { q.method = "shop.*"; }, [](const Made&) { return true; }},
      {"method with a bracket", [](CallQuery& q) { q.method = "shop.[CP]*"; }, [](const Made&) { return false; }},
      {"upstream", [](CallQuery& q) { q.upstream = "rare"; }, [](const Made& c) { return c.upstream == "rare"; }},
      {"status", [](CallQuery& q) { q.status_code = 2; }, [](const Made& c) { return !c.open && c.status == 2; }},
      {"status OK", [](CallQuery& q) { q.status_code = 0; }, [](const Made& c) { return !c.open && c.status == 0; }},
      {"session", [](CallQuery& q) { q.session_id = 102; }, [](const Made& c) { return c.session == 102; }},
      {"trace",
       [](CallQuery& q) {
         q.trace_id = TraceIdBytes({1, -1});
       },
       [](const Made& c) {
         return c.trace == TraceIdBytes({1, -1});
       }},
      {"trace unknown",
       [](CallQuery& q) {
         q.trace_id = TraceIdBytes({7, 1});
       },
       [](const Made&) { return false; }},
      {"since", [](CallQuery& q) { q.since = kBegin + absl::Seconds(300); },
       [](const Made& c) { return c.start >= kBegin + absl::Seconds(300); }},
      {"until", [](CallQuery& q) { q.until = kBegin + absl::Seconds(100); },
       [](const Made& c) { return c.start < kBegin + absl::Seconds(100); }},
      {"slow", [](CallQuery& q) { q.min_duration = absl::Seconds(1); },
       [](const Made& c) { return !c.open && c.duration >= absl::Seconds(1); }},
      {"slower than a little", [](CallQuery& q) { q.min_duration = absl::Milliseconds(50); },
       [](const Made& c) { return !c.open && c.duration >= absl::Milliseconds(50); }},
      {"open", [](CallQuery& q) { q.open_only = true; }, [](const Made& c) { return c.open; }},
      {"several",
       [](CallQuery& q) {
         q.identity = "*o*";
         q.method = "*/M?";
         q.upstream = "usual";
         q.since = kBegin + absl::Seconds(20);
         q.until = kBegin + absl::Seconds(380);
         q.session_id = 101;
       },
       [](const Made& c) {
         return c.identity != "https://idp.test#alice" && c.upstream == "usual" &&
                c.start >= kBegin + absl::Seconds(20) && c.start < kBegin + absl::Seconds(380) && c.session == 101;
       }},
  };
  for (const Case& one : cases) {
    for (const auto order : {CallQuery::Order::kNewestFirst, CallQuery::Order::kOldestFirst}) {
      std::vector<uint64_t> expected;
      for (const Made& call : made) {
        if (one.expect(call)) expected.push_back(call.id);
      }
      if (order == CallQuery::Order::kNewestFirst) std::reverse(expected.begin(), expected.end());
      CallQuery query;
      one.ask(query);
      query.order = order;
      query.limit = 7;
      std::vector<uint64_t> found;
      while (true) {
        auto page = (*reader)->Calls(query);
        REQUIRE(page.ok());
        for (const CallSummary& call : *page) found.push_back(call.id);
        if (page->size() < 7) break;
        query.after = page->back().id;
      }
      INFO(one.name);
      CHECK(found == expected);
    }
  }
}

TEST_CASE("times are found exactly even where the clock was set back") {
  TemporaryDirectory directory;
  auto recorder = Recorder::Open({directory.store()});
  REQUIRE(recorder.ok());
  std::vector<absl::Time> starts;
  for (int i = 0; i < 40; ++i) {
    // After twenty calls the clock is an hour earlier; ids go on growing.
    const absl::Time start = kBegin + absl::Seconds(i) - (i >= 20 ? absl::Hours(1) : absl::ZeroDuration());
    starts.push_back(start);
    const uint64_t id = (*recorder)->NewCallId(start);
    REQUIRE((*recorder)->Append(UnaryCall(**recorder, id, start, "/a.B/C"), Until::kAccepted, nullptr) ==
            Appended::kDone);
  }
  REQUIRE((*recorder)->Flush().ok());
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  for (const absl::Time bound : {starts[5], starts[20], starts[25], starts[39], kBegin + absl::Hours(1)}) {
    CallQuery since;
    since.since = bound;
    CallQuery until;
    until.until = bound;
    const auto after = std::count_if(starts.begin(), starts.end(), [&](absl::Time start) { return start >= bound; });
    CHECK(static_cast<ptrdiff_t>((*reader)->Calls(since)->size()) == after);
    CHECK((*reader)->Calls(until)->size() == starts.size() - static_cast<size_t>(after));
  }
}

TEST_CASE("sessions are listed with what they hold") {
  TemporaryDirectory directory;
  auto recorder = Recorder::Open({directory.store()});
  REQUIRE(recorder.ok());
  const std::vector<Made> made = MakeCalls(**recorder, 100);
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  SessionQuery query;
  query.limit = 3;
  auto first = (*reader)->Sessions(query);
  REQUIRE(first.ok());
  REQUIRE(first->size() == 3);
  query.after = first->back().id;
  auto second = (*reader)->Sessions(query);
  REQUIRE(second.ok());
  REQUIRE(second->size() == 1);
  for (const SessionSummary& session : {(*first)[0], (*first)[1], (*first)[2], (*second)[0]}) {
    uint64_t calls = 0;
    absl::Time oldest = absl::InfiniteFuture(), newest = absl::InfinitePast();
    std::string identity;
    for (const Made& call : made) {
      if (call.session != session.id) continue;
      if (++calls == 1) identity = call.identity;
      oldest = std::min(oldest, call.start);
      newest = std::max(newest, call.start);
    }
    CHECK(session.calls == calls);
    CHECK(session.first_start == oldest);
    CHECK(session.last_start == newest);
    CHECK(session.identity == identity);
    CHECK(session.name == (session.id == 101 ? "named" : ""));
  }
  SessionQuery late;
  late.since = kBegin + absl::Hours(1);
  CHECK((*reader)->Sessions(late)->empty());
}

TEST_CASE("a call that is not there is not found") {
  TemporaryDirectory directory;
  REQUIRE(Recorder::Open({directory.store()}).ok());
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  CHECK(absl::IsNotFound((*reader)->Call(5).status()));
  CHECK(absl::IsNotFound((*reader)->ReadCall(5, [](const v1::Entry&) { return absl::OkStatus(); })));
  CHECK((*reader)->Calls({})->empty());
}

TEST_CASE("globs match as people expect") {
  CHECK(GlobMatches("", ""));
  CHECK(GlobMatches("*", ""));
  CHECK(GlobMatches("a*b*c", "axxbyyc"));
  CHECK(GlobMatches("a**c", "ac"));
  CHECK(GlobMatches("?", "x"));
  CHECK_FALSE(GlobMatches("?", ""));
  CHECK_FALSE(GlobMatches("a*b", "axbx"));
  CHECK_FALSE(GlobMatches("[a]", "a"));
  CHECK(GlobMatches("[a]", "[a]"));
  CHECK_FALSE(GlobMatches(std::string(50, '*') + "b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace sallyport::recorder
