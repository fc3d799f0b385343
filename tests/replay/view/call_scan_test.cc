// Calls that are looked into: by text, by condition, by metadata.
#include "replay/view/call_scan.h"

#include <catch2/catch.hpp>

#include "recorder/format/call_id.h"
#include "replay/view/local_store.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {
namespace {

using Ids = std::vector<std::string>;

struct Scanned {
  absl::Status status;
  Ids ids;
  v1::ScanProgress last;
  int progress = 0;
};

struct Bench {
  ShopStore store;
  std::unique_ptr<CallStore> calls;
  ScanOptions options;

  Scanned Scan(v1::SearchCallsRequest request, std::stop_token stop = {}) {
    if (calls == nullptr) {
      auto opened = CallStore::Open(store.data(), std::nullopt);
      REQUIRE(opened.ok());
      calls = *std::move(opened);
    }
    Scanned scanned;
    request.set_order(v1::CALL_ORDER_OLDEST_FIRST);
    scanned.status = ScanCalls(*calls, request, options, stop, [&](const v1::ScanCallsResponse& said) {
      CHECK_FALSE(scanned.last.done());
      if (said.has_call()) scanned.ids.push_back(said.call().id());
      if (said.has_progress()) {
        scanned.last = said.progress();
        ++scanned.progress;
      }
      return absl::OkStatus();
    });
    return scanned;
  }
  Scanned Where(const std::string& where) {
    v1::SearchCallsRequest request;
    request.mutable_filter()->set_where(where);
    return Scan(request);
  }
  Scanned Text(const std::string& text) {
    v1::SearchCallsRequest request;
    request.mutable_filter()->set_text(text);
    return Scan(request);
  }
};

TEST_CASE("a condition is asked of every call that the index leaves, in order") {
  Bench bench;
  Ids slow;
  for (int i = 0; i < 600; ++i) {
    const std::string id = bench.store.AddGet(absl::Seconds(i), i % 3 == 0 ? absl::Seconds(2) : absl::Milliseconds(3));
    if (i % 3 == 0) slow.push_back(id);
  }
  bench.options.threads = 3;
  const Scanned scanned = bench.Where("duration > duration('1s') && request.card_number == '4111'");
  REQUIRE(scanned.status.ok());
  CHECK(scanned.ids == slow);
  CHECK(scanned.last.done());
  CHECK(scanned.last.calls() == 600);
  CHECK(scanned.last.bytes() == 600 * 2 * kOrder.size());
  CHECK(scanned.last.next_page_token().empty());
}

TEST_CASE("what cannot be decoded is counted, and not taken for something that does not match") {
  Bench bench;
  const std::string get = bench.store.AddGet(absl::ZeroDuration());
  bench.store.AddFailure(absl::Seconds(1), "/other.Service/Lookup", 5);
  const Scanned by_message = bench.Where("request.card_number == '4111'");
  CHECK(by_message.ids == Ids{get});
  CHECK(by_message.last.unreadable() == 1);
  const Scanned by_status = bench.Where("status == 'NOT_FOUND' && status_code == 5");
  CHECK(by_status.ids.size() == 1);
  CHECK(by_status.last.unreadable() == 0);
}

TEST_CASE("texts are found in messages, metadata and what the caller was told") {
  Bench bench;
  const std::string get = bench.store.AddGet(absl::ZeroDuration());
  const std::string failed = bench.store.AddFailure(absl::Seconds(1), "/other.Service/Lookup", 5, "No Such Thing");
  CHECK(bench.Text("411").ids == Ids{get});
  CHECK(bench.Text("GRPC-test").ids == Ids{get});
  CHECK(bench.Text("shop-1").ids == Ids{get});
  CHECK(bench.Text("such thing").ids == Ids{failed});
  CHECK(bench.Text("very-secret").ids.empty());
  CHECK(bench.Text("nowhere").last.unreadable() == 1);
}

TEST_CASE("calls are found by a pair of their metadata") {
  Bench bench;
  const std::string get = bench.store.AddGet(absl::ZeroDuration());
  v1::SearchCallsRequest request;
  request.mutable_filter()->set_correlation("User-Agent=grpc-test/1.0");
  CHECK(bench.Scan(request).ids == Ids{get});
  request.mutable_filter()->set_correlation("user-agent=grpc-test");
  CHECK(bench.Scan(request).ids.empty());
  request.mutable_filter()->set_correlation("no pair");
  CHECK(absl::IsInvalidArgument(bench.Scan(request).status));
}

TEST_CASE("a condition that fits no method that was met is refused, with the field and its place") {
  Bench bench;
  bench.store.AddGet(absl::ZeroDuration());
  const Scanned misfit = bench.Where("request.no_such_field == 1");
  CHECK(absl::IsInvalidArgument(misfit.status));
  CHECK_THAT(std::string(misfit.status.message()), Catch::Contains("filter.where: 1:9:"));
  CHECK(absl::IsInvalidArgument(bench.Where("request.").status));
  v1::SearchCallsRequest by_kind;
  by_kind.mutable_filter()->set_caller_kind(v1::CALLER_KIND_HUMAN);
  CHECK_THAT(std::string(bench.Scan(by_kind).status.message()), Catch::Contains("filter.caller_kind"));
}

TEST_CASE("at a bound a scan ends with a token that goes on, and every scan comes further") {
  Bench bench;
  Ids all;
  for (int i = 0; i < 5; ++i) all.push_back(bench.store.AddGet(absl::Seconds(i)));
  bench.options.threads = 1;
  const bool by_time = GENERATE(true, false);
  if (by_time) {
    bench.options.most_time = absl::ZeroDuration();
  } else {
    bench.options.most_bytes = 1;
  }
  Ids found;
  v1::SearchCallsRequest request;
  request.mutable_filter()->set_text("4111");
  int scans = 0;
  do {
    const Scanned scanned = bench.Scan(request);
    REQUIRE(scanned.status.ok());
    CHECK(scanned.last.done());
    found.insert(found.end(), scanned.ids.begin(), scanned.ids.end());
    request.set_page_token(scanned.last.next_page_token());
  } while (!request.page_token().empty() && ++scans < 10);
  CHECK(found == all);
  CHECK(scans >= 4);
}

TEST_CASE("a call with more bytes than one may have is not looked into") {
  Bench bench;
  bench.store.AddGet(absl::ZeroDuration());
  bench.options.most_call_bytes = kOrder.size();
  const Scanned scanned = bench.Where("request.card_number == '4111' || true");
  CHECK(scanned.ids.empty());
  CHECK(scanned.last.unreadable() == 1);
}

TEST_CASE("whoever is told to stop stops") {
  Bench bench;
  for (int i = 0; i < 3; ++i) bench.store.AddGet(absl::Seconds(i));
  std::stop_source stop;
  stop.request_stop();
  CHECK(absl::IsCancelled(bench.Scan({}, stop.get_token()).status));
}

// Sees no card.
class Blinkers final : public EntrySight {
 public:
  absl::Status Show(v1::Entry* entry) override {
    if (entry->has_frame()) entry->mutable_frame()->set_payload("\x10\x2a");
    return absl::OkStatus();
  }
};

TEST_CASE("conditions and texts see what their reader may see") {
  Bench bench;
  bench.store.AddGet(absl::ZeroDuration());
  CHECK(bench.Where("request.card_number != ''").ids.size() == 1);
  bench.options.sight = [] { return std::make_unique<Blinkers>(); };
  CHECK(bench.Where("request.card_number != ''").ids.empty());
  CHECK(bench.Where("request.amount == 42").ids.size() == 1);
  CHECK(bench.Text("4111").ids.empty());
}

TEST_CASE("a page is filled, and its token leads to the next") {
  Bench bench;
  Ids all;
  for (int i = 0; i < 5; ++i) all.push_back(bench.store.AddGet(absl::Seconds(i)));
  const auto source = LocalStore::Open(bench.store.data(), std::nullopt);
  REQUIRE(source.ok());
  v1::SearchCallsRequest request;
  request.set_order(v1::CALL_ORDER_OLDEST_FIRST);
  request.set_page_size(2);
  request.mutable_filter()->set_where("request.amount == 42");
  Ids found;
  do {
    const auto page = (*source)->SearchCalls(request);
    REQUIRE(page.ok());
    CHECK(page->calls_size() <= 2);
    for (const v1::CallSummary& call : page->calls()) found.push_back(call.id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  CHECK(found == all);
}

}  // namespace
}  // namespace sallyport::replay
