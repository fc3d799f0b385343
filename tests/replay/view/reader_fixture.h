// Readers of a store, and what they see.
#ifndef SALLYPORT_TESTS_REPLAY_VIEW_READER_FIXTURE_H_
#define SALLYPORT_TESTS_REPLAY_VIEW_READER_FIXTURE_H_

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policy/masking/reader_masks.h"
#include "recorder/format/call_id.h"
#include "replay/view/reader_source.h"
#include "tests/policy/policy_fixture.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {

inline std::shared_ptr<CallStore> OpenStore(const ShopStore& store) {
  auto opened = CallStore::Open(store.data(), std::nullopt);
  REQUIRE(opened.ok());
  return *std::move(opened);
}

// Sees everything.
inline ReaderRights Auditor() {
  ReaderRights rights;
  rights.reader = "audrey";
  rights.subject = "audrey";
  rights.scope.parts.emplace_back();
  rights.kinds = {policy::RoleKind::kAuditor};
  rights.sees_looks = rights.sees_store = true;
  return rights;
}

// Sees calls of these methods.
inline ReaderRights Investigator(std::vector<std::string> methods, std::string name = "ivy") {
  ReaderRights rights;
  rights.reader = rights.subject = std::move(name);
  rights.scope.parts.emplace_back().methods = std::move(methods);
  rights.kinds = {policy::RoleKind::kInvestigator};
  return rights;
}

// Sees its own calls.
inline ReaderRights OwnCalls(std::string identity) {
  ReaderRights rights;
  rights.reader = rights.subject = std::move(identity);
  rights.scope.parts.emplace_back().own = rights.reader;
  rights.kinds = {policy::RoleKind::kCaller};
  return rights;
}

inline std::shared_ptr<const policy::ReaderMasks> MasksOf(const std::string& masks) {
  return std::make_shared<const policy::ReaderMasks>(policy::Parsed(masks), policy::MaskKey{});
}

// A call of alice's to shop.Orders/Get, or of who and what is said, with a message each way. Its id.
struct MadeOf {
  std::string subject = "alice";
  std::string method = "/shop.Orders/Get";
  std::string upstream = "shop";
  uint64_t session = 77;
  bool ends = true;
};
inline uint64_t AddCall(ShopStore& store, absl::Duration offset, const MadeOf& made) {
  const uint64_t id = store.NewId(offset);
  const absl::Time time = ShopTime() + offset;
  recorder::EntryBatch batch = store.recorder().NewBatch(id);
  recorder::CallStart start = store.Start(made.method);
  start.identity = {"", made.subject, {}, 1};
  start.session_id = made.session;
  start.upstream = made.upstream;
  batch.AddStart(time, start);
  batch.AddFrame(time + absl::Milliseconds(1), recorder::Direction::kRequest, 0, false, {kOrder});
  if (made.ends) {
    recorder::CallEnd end;
    end.request_frames = 1;
    end.request_bytes = kOrder.size();
    end.duration = absl::Milliseconds(2);
    batch.AddEnd(time + absl::Milliseconds(2), end);
  }
  store.Append(std::move(batch));
  return id;
}

// All that a list has, page by page.
inline std::vector<std::string> Listed(CallSource& source, v1::SearchCallsRequest request) {
  std::vector<std::string> ids;
  while (true) {
    const auto page = source.SearchCalls(request);
    INFO(page.status().message());
    REQUIRE(page.ok());
    for (const v1::CallSummary& call : page->calls()) ids.push_back(call.id());
    if (page->next_page_token().empty()) return ids;
    request.set_page_token(page->next_page_token());
  }
}

}  // namespace sallyport::replay

#endif  // SALLYPORT_TESTS_REPLAY_VIEW_READER_FIXTURE_H_
