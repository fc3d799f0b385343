// What a data directory answers.
#include "replay/view/local_store.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "recorder/format/call_id.h"
#include "replay/view/proto_time.h"
#include "replay/view/reading.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {
namespace {

using Ids = std::vector<std::string>;

std::unique_ptr<LocalStore> Open(const ShopStore& store) {
  auto opened = LocalStore::Open(store.data(), std::nullopt);
  REQUIRE(opened.ok());
  return *std::move(opened);
}

Ids IdsOf(const v1::SearchCallsResponse& page) {
  Ids ids;
  for (const v1::CallSummary& call : page.calls()) ids.push_back(call.id());
  return ids;
}

TEST_CASE("pages follow each other by their tokens, in either order, and the last one has none") {
  ShopStore store;
  Ids all;
  for (int i = 0; i < 5; ++i) all.push_back(store.AddGet(absl::Seconds(i)));
  const auto source = Open(store);
  for (const v1::CallOrder order : {v1::CALL_ORDER_OLDEST_FIRST, v1::CALL_ORDER_NEWEST_FIRST}) {
    v1::SearchCallsRequest request;
    request.set_order(order);
    request.set_page_size(2);
    Ids found;
    int pages = 0;
    do {
      const auto page = source->SearchCalls(request);
      REQUIRE(page.ok());
      for (const std::string& id : IdsOf(*page)) found.push_back(id);
      request.set_page_token(page->next_page_token());
      ++pages;
    } while (!request.page_token().empty());
    CHECK(pages == 3);
    CHECK(found == all);
    std::reverse(all.begin(), all.end());
  }
}

TEST_CASE("lists say whether there is more than was wanted") {
  ShopStore store;
  for (int i = 0; i < 3; ++i) store.AddGet(absl::Seconds(i));
  const auto source = Open(store);
  for (const auto& [limit, listed, more] : {std::tuple{0, 3, false}, {2, 2, true}, {3, 3, false}, {4, 3, false}}) {
    int count = 0;
    const auto answer = ForEachCall(*source, {}, limit, [&](const v1::CallSummary&) {
      ++count;
      return absl::OkStatus();
    });
    REQUIRE(answer.ok());
    CHECK(*answer == more);
    CHECK(count == listed);
  }
}

TEST_CASE("every part of a filter counts, and what cannot be read is named") {
  ShopStore store;
  const std::string get = store.AddGet(absl::ZeroDuration());
  const std::string failed = store.AddFailure(absl::Seconds(10), "/other.Service/Lookup", 5);
  const std::string open = recorder::FormatId(store.AddOpen(absl::Seconds(20)));
  const auto source = Open(store);
  const auto found = [&](auto set) {
    v1::SearchCallsRequest request;
    set(*request.mutable_filter());
    const auto page = source->SearchCalls(request);
    REQUIRE(page.ok());
    return IdsOf(*page);
  };
  CHECK(found([](v1::Filter&) {}) == Ids{open, failed, get});
  CHECK(found([](v1::Filter& filter) { filter.set_method("shop.*"); }) == Ids{open, get});
  CHECK(found([](v1::Filter& filter) { filter.set_method("/shop.Orders/Get"); }) == Ids{get});
  CHECK(found([](v1::Filter& filter) { filter.set_identity("anonymous"); }) == Ids{failed});
  CHECK(found([](v1::Filter& filter) { filter.set_upstream("oth?r"); }) == Ids{failed});
  CHECK(found([](v1::Filter& filter) { filter.set_status_code(0); }) == Ids{get});
  CHECK(found([](v1::Filter& filter) { filter.set_status_code(5); }) == Ids{failed});
  CHECK(found([](v1::Filter& filter) { filter.set_open(true); }) == Ids{open});
  CHECK(found([](v1::Filter& filter) { filter.set_session("2D"); }) == Ids{open, get});
  CHECK(found([](v1::Filter& filter) { SetTime(ShopTime() + absl::Seconds(10), filter.mutable_since()); }) ==
        Ids{open, failed});
  CHECK(found([](v1::Filter& filter) { SetTime(ShopTime() + absl::Seconds(10), filter.mutable_until()); }) == Ids{get});
  CHECK(found([](v1::Filter& filter) { SetDuration(absl::Seconds(1), filter.mutable_min_duration()); }) == Ids{failed});

  v1::SearchCallsRequest request;
  request.mutable_filter()->set_session("no id!");
  CHECK(source->SearchCalls(request).status().message() == "filter.session: \"no id!\" is not an id");
  request.Clear();
  request.set_page_token("?");
  CHECK(absl::IsInvalidArgument(source->SearchCalls(request).status()));
  request.set_page_token("1");
  request.set_after("1");
  CHECK(absl::IsInvalidArgument(source->SearchCalls(request).status()));
  request.Clear();
  request.set_page_size(-1);
  CHECK(absl::IsInvalidArgument(source->SearchCalls(request).status()));
}

TEST_CASE("a call is told with its beginning, and with its summary alone where nothing else is wanted") {
  ShopStore store;
  const std::string id = store.AddGet(absl::ZeroDuration());
  const auto source = Open(store);
  v1::GetCallRequest request;
  request.set_id(id);
  const auto call = source->GetCall(request);
  REQUIRE(call.ok());
  CHECK(call->summary().state() == v1::CALL_STATE_COMPLETED);
  CHECK(call->summary().outcome().response_bytes() == kOrder.size());
  CHECK(call->beginning().session_name() == "nightly");
  CHECK(call->beginning().descriptors() == store.descriptors());
  CHECK(!call->has_decision());
  request.set_summary_only(true);
  CHECK(!source->GetCall(request)->has_beginning());
  request.set_id("1");
  CHECK(absl::IsNotFound(source->GetCall(request).status()));
  request.set_id("!");
  CHECK(absl::IsInvalidArgument(source->GetCall(request).status()));
}

TEST_CASE("reading ends where its reader wants it to") {
  ShopStore store;
  v1::ReadCallRequest request;
  request.set_call(store.AddGet(absl::ZeroDuration()));
  const auto source = Open(store);
  int events = 0;
  const absl::Status enough = absl::CancelledError("enough");
  CHECK(source->ReadCall(request, [&](v1::Event& event) {
    ++events;
    return event.has_frame() ? enough : absl::OkStatus();
  }) == enough);
  CHECK(events == 2);
}

TEST_CASE("a search says how many calls match, whatever the page, and statistics add them up by what is asked for") {
  ShopStore store;
  for (int i = 0; i < 3; ++i) store.AddGet(absl::Seconds(i));
  store.AddFailure(absl::Seconds(10), "/other.Service/Lookup", 5);
  const auto source = Open(store);
  v1::SearchCallsRequest search;
  search.set_page_size(1);
  CHECK_FALSE(source->SearchCalls(search).value().has_count());
  for (const v1::CountMode mode : {v1::COUNT_MODE_CAPPED, v1::COUNT_MODE_EXACT}) {
    search.set_count(mode);
    const auto page = source->SearchCalls(search);
    REQUIRE(page.ok());
    CHECK(page->calls_size() == 1);
    CHECK(page->count() == 4);
    CHECK_FALSE(page->more());
  }
  v1::StatisticsRequest request;
  request.add_group_by(v1::STATISTICS_KEY_STATUS);
  const auto statistics = source->GetStatistics(request);
  REQUIRE(statistics.ok());
  REQUIRE(statistics->series_size() == 2);
  CHECK(statistics->series(0).group(0) == "0");
  CHECK(statistics->series(0).points(0).calls() == 3);
  CHECK(statistics->series(0).points(0).errors() == 0);
  CHECK(statistics->series(1).group(0) == "5");
  CHECK(statistics->series(1).points(0).errors() == 1);
  const auto methods = source->ListMethods({});
  REQUIRE(methods.ok());
  REQUIRE(methods->methods_size() == 2);
  CHECK(methods->methods(0).method() == "other.Service/Lookup");
  CHECK(methods->methods(1).calls() == 3);
  request.add_group_by(v1::STATISTICS_KEY_STATUS);
  const absl::Status twice = source->GetStatistics(request).status();
  CHECK(absl::IsInvalidArgument(twice));
  CHECK(std::string(twice.message()).rfind("group_by[1]:", 0) == 0);
  request.clear_group_by();
  request.mutable_filter()->set_text("card");
  CHECK(absl::IsInvalidArgument(source->GetStatistics(request).status()));
}

}  // namespace
}  // namespace sallyport::replay
