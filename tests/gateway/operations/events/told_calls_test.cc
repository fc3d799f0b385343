#include "gateway/operations/events/told_calls.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace sallyport::gateway {
namespace {

v1::Entry Start(uint64_t id, const std::string& method) {
  v1::Entry entry;
  entry.set_call_id(id);
  entry.set_time_ns(5);
  entry.mutable_start()->set_method(method);
  return entry;
}

v1::Entry End(uint64_t id) {
  v1::Entry entry;
  entry.set_call_id(id);
  entry.mutable_end();
  return entry;
}

// Remembers what was looked up.
struct Earlier {
  std::vector<uint64_t> asked;
  ToldCalls::Lookup Lookup() {
    return [this](uint64_t id, ToldCall& call) {
      asked.push_back(id);
      LearnCall(Start(id, "/from.The/Log"), call);
      return absl::OkStatus();
    };
  }
};

}  // namespace

TEST_CASE("the end of a call knows what its start said, and takes it along") {
  Earlier earlier;
  ToldCalls calls(1 << 20, earlier.Lookup());
  calls.Take(Start(1, "/a.B/C"));
  v1::Entry decision;
  decision.set_call_id(1);
  decision.mutable_decision()->set_rule("everybody");
  CHECK(calls.Take(decision).method == "/a.B/C");
  const ToldCall& end = calls.Take(End(1));
  CHECK(end.method == "/a.B/C");
  CHECK(end.decision.rule() == "everybody");
  CHECK(end.start_ns == 5);
  CHECK(calls.bytes() == 0);
  CHECK(earlier.asked.empty());
}

TEST_CASE("a call that began before is looked up") {
  Earlier earlier;
  ToldCalls calls(1 << 20, earlier.Lookup());
  CHECK(calls.Take(End(9)).method == "/from.The/Log");
  CHECK(earlier.asked == std::vector<uint64_t>{9});
}

TEST_CASE("calls that never end do not add up without a bound, and are looked up when they do end") {
  constexpr size_t kMost = 64 << 10;
  Earlier earlier;
  ToldCalls calls(kMost, earlier.Lookup());
  size_t most = 0;
  for (uint64_t id = 1; id <= 10'000; ++id) {
    calls.Take(Start(id, "/a.B/C"));
    most = std::max(most, calls.bytes());
  }
  CHECK(most < kMost + 4096);
  CHECK(calls.Take(End(10'000)).method == "/a.B/C");
  CHECK(calls.Take(End(1)).method == "/from.The/Log");
}

TEST_CASE("starts that are read again count once") {
  Earlier earlier;
  ToldCalls calls(1 << 20, earlier.Lookup());
  calls.Take(Start(1, "/a.B/C"));
  const size_t once = calls.bytes();
  calls.Take(Start(1, "/a.B/C"));
  CHECK(calls.bytes() == once);
}

}  // namespace sallyport::gateway
