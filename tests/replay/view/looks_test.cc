// Who has looked at what.
#include "replay/view/looks.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>

#include "tests/replay/view/reader_fixture.h"

namespace sallyport::replay {
namespace {

constexpr uint64_t kLargestId = std::numeric_limits<uint64_t>::max();

v1::Look LookAt(std::vector<uint64_t> ids) {
  v1::Look look;
  uint64_t last = 0;
  for (const uint64_t id : ids) {
    look.add_calls(id - last);
    last = id;
  }
  return look;
}

v1::Look LookAtRange(uint64_t first, uint64_t last) {
  v1::Look look;
  v1::Look::Range& range = *look.add_ranges();
  range.set_first(first);
  range.set_last(last);
  return look;
}

// A call of the audit service by `subject` with these looks. Its id.
uint64_t AddLook(ShopStore& store, absl::Duration offset, const std::string& subject, std::vector<v1::Look> looks,
                 const std::string& method = "/sallyport.v1.Audit/GetCall") {
  const uint64_t id = store.NewId(offset);
  const absl::Time time = ShopTime() + offset;
  recorder::EntryBatch batch = store.recorder().NewBatch(id);
  recorder::CallStart start = store.Start(method);
  start.identity = {"", subject, {}, 1};
  start.session_id = 900;
  start.upstream = "";
  batch.AddStart(time, start);
  for (const v1::Look& look : looks) {
    v1::Entry entry;
    *entry.mutable_look() = look;
    batch.Add(time, &entry);
  }
  batch.AddEnd(time + absl::Milliseconds(1), {});
  store.Append(std::move(batch));
  return id;
}

std::vector<std::string> LooksOf(CallSource& source, uint64_t id, int page_size = 0) {
  v1::ListLooksRequest request;
  request.set_call(recorder::FormatId(id));
  request.set_page_size(page_size);
  std::vector<std::string> looks;
  while (true) {
    const auto page = source.ListLooks(request);
    INFO(page.status().message());
    REQUIRE(page.ok());
    for (const v1::CallSummary& look : page->looks()) looks.push_back(look.id());
    if (page->next_page_token().empty()) return looks;
    request.set_page_token(page->next_page_token());
  }
}

std::vector<std::string> Texts(const std::vector<uint64_t>& ids) {
  std::vector<std::string> texts;
  for (const uint64_t id : ids) texts.push_back(recorder::FormatId(id));
  return texts;
}

v1::SearchCallsRequest AccessedBy(const std::string& reader, v1::CallOrder order, int page_size) {
  v1::SearchCallsRequest request;
  request.mutable_filter()->set_accessed_by(reader);
  request.set_order(order);
  request.set_page_size(page_size);
  return request;
}

TEST_CASE("a look shows the calls that it lists and those in its ranges, whatever else it says") {
  const v1::Look look = LookAt({5, 9, 100});
  for (const uint64_t id : {5, 9, 100}) CHECK(ShowsCall(look, id));
  for (const uint64_t id : {0, 4, 6, 91, 101}) CHECK_FALSE(ShowsCall(look, id));
  CHECK(ShowsCall(LookAtRange(7, 9), 7));
  CHECK(ShowsCall(LookAtRange(7, 9), 9));
  CHECK_FALSE(ShowsCall(LookAtRange(7, 9), 10));
  CHECK_FALSE(ShowsCall(LookAtRange(9, 7), 8));
  // Beyond the last id there is none: it does not begin anew.
  v1::Look beyond = LookAt({5});
  beyond.add_calls(kLargestId);
  beyond.add_calls(3);
  CHECK(ShowsCall(beyond, 5));
  CHECK_FALSE(ShowsCall(beyond, 4));
  CHECK_FALSE(ShowsCall(beyond, 7));
}

TEST_CASE("the looks at a call are listed, by its id or a range, the newest first, over pages too") {
  ShopStore store;
  const uint64_t first = AddCall(store, absl::Seconds(0), {});
  const uint64_t second = AddCall(store, absl::Seconds(1), {});
  const uint64_t by_id = AddLook(store, absl::Seconds(2), "audrey", {LookAt({first})});
  const uint64_t by_range = AddLook(store, absl::Seconds(3), "bob", {LookAt({}), LookAtRange(first, second)});
  const uint64_t of_second = AddLook(store, absl::Seconds(4), "bob", {LookAt({second})});
  AddLook(store, absl::Seconds(5), "bob", {});
  // Not the audit service: whatever it says is no look.
  AddLook(store, absl::Seconds(6), "bob", {LookAt({first})}, "/sallyport.v1.Operations/GetHealth");
  ReaderSource source(OpenStore(store), Auditor());
  for (const int page_size : {0, 1}) {
    CHECK(LooksOf(source, first, page_size) == Texts({by_range, by_id}));
    CHECK(LooksOf(source, second, page_size) == Texts({of_second, by_range}));
  }
}

TEST_CASE("looks lead to no looks, even where a range has one between its ends") {
  ShopStore store;
  const uint64_t call = AddCall(store, absl::Seconds(0), {});
  const uint64_t look = AddLook(store, absl::Seconds(1), "audrey", {LookAt({call})});
  const uint64_t later = AddCall(store, absl::Seconds(2), {});
  AddLook(store, absl::Seconds(3), "bob", {LookAtRange(call, later)});
  ReaderSource source(OpenStore(store), Auditor());
  CHECK(LooksOf(source, look).empty());
  for (const v1::CallOrder order : {v1::CALL_ORDER_NEWEST_FIRST, v1::CALL_ORDER_OLDEST_FIRST}) {
    const auto accessed = Listed(source, AccessedBy("bob", order, 1));
    CHECK(accessed.size() == 2);
    CHECK(std::find(accessed.begin(), accessed.end(), recorder::FormatId(look)) == accessed.end());
  }
}

TEST_CASE("calls that somebody has accessed are found in both orders, with other filters, and on pages of any size") {
  ShopStore store;
  std::vector<uint64_t> ids;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(AddCall(store, absl::Seconds(i), {.subject = i % 2 == 0 ? "alice" : "carol"}));
  }
  AddLook(store, absl::Minutes(1), "bob", {LookAt({ids[1], ids[2], ids[7]})});
  AddLook(store, absl::Minutes(2), "bob", {LookAtRange(ids[6], ids[9]), LookAt({ids[18]})});
  AddLook(store, absl::Minutes(3), "bert", {LookAt({ids[0]})});
  AddLook(store, absl::Minutes(4), "zoe", {LookAtRange(1, kLargestId)});
  ReaderSource source(OpenStore(store), Auditor());
  const std::vector<uint64_t> by_bob = {ids[1], ids[2], ids[6], ids[7], ids[8], ids[9], ids[18]};
  std::vector<uint64_t> turned(by_bob.rbegin(), by_bob.rend());
  for (const int page_size : {1, 2, 3, 7, 50}) {
    CHECK(Listed(source, AccessedBy("bob", v1::CALL_ORDER_OLDEST_FIRST, page_size)) == Texts(by_bob));
    CHECK(Listed(source, AccessedBy("bob", v1::CALL_ORDER_NEWEST_FIRST, page_size)) == Texts(turned));
  }
  CHECK(Listed(source, AccessedBy("b*", v1::CALL_ORDER_OLDEST_FIRST, 4)).size() == 8);
  CHECK(Listed(source, AccessedBy("zoe", v1::CALL_ORDER_NEWEST_FIRST, 6)).size() == 20);
  CHECK(Listed(source, AccessedBy("nobody", v1::CALL_ORDER_NEWEST_FIRST, 6)).empty());
  v1::SearchCallsRequest of_alice = AccessedBy("bob", v1::CALL_ORDER_OLDEST_FIRST, 2);
  of_alice.mutable_filter()->set_identity("alice");
  CHECK(Listed(source, of_alice) == Texts({ids[2], ids[6], ids[8], ids[18]}));
}

TEST_CASE("only who may see looks can ask for them") {
  ShopStore store;
  const uint64_t call = AddCall(store, absl::Seconds(0), {});
  AddLook(store, absl::Seconds(1), "bob", {LookAt({call})});
  ReaderRights rights = Auditor();
  rights.sees_looks = false;
  ReaderSource source(OpenStore(store), rights);
  v1::ListLooksRequest request;
  request.set_call(recorder::FormatId(call));
  CHECK(absl::IsPermissionDenied(source.ListLooks(request).status()));
  // The same whether there is such a call or not.
  request.set_call("7");
  CHECK(absl::IsPermissionDenied(source.ListLooks(request).status()));
  const auto found = source.SearchCalls(AccessedBy("bob", v1::CALL_ORDER_NEWEST_FIRST, 5));
  CHECK(absl::IsPermissionDenied(found.status()));
}

}  // namespace
}  // namespace sallyport::replay
