#include "replay/view/call_tail.h"

#include <utility>

#include "replay/view/call_filter.h"
#include "replay/view/exact_text.h"
#include "replay/view/names.h"

namespace sallyport::replay {

absl::StatusOr<std::optional<v1::TailedEvent>> CallTail::Next(const v1::Entry& entry) {
  if (calls_.size() > kMostCalls || name_bytes_ > kMostNameBytes) {
    calls_.clear();
    name_bytes_ = 0;
  }
  const auto [place, is_new] = calls_.try_emplace(entry.call_id());
  if (is_new) {
    place->second = Find(entry);
    if (place->second != nullptr) name_bytes_ += place->second->method.size() + place->second->identity.size();
  }
  Call ended;
  Followed* const call = place->second.get();
  if (entry.has_end()) {
    ended = std::move(place->second);
    calls_.erase(place);
    if (call != nullptr) name_bytes_ -= call->method.size() + call->identity.size();
  }
  if (call == nullptr) return std::nullopt;
  if (!IsTold(entry)) {
    call->view->Skip(entry);
    return std::nullopt;
  }
  absl::StatusOr<v1::Event> event = call->view->Show(entry);
  if (!event.ok()) return event.status();
  v1::TailedEvent told;
  *told.mutable_event() = *std::move(event);
  told.set_identity(call->identity);
  SetText(call->method, "method", told.mutable_method(), told.mutable_exact());
  return told;
}

CallTail::Call CallTail::Find(const v1::Entry& entry) {
  Call call = entry.has_start() ? Wanted(IdentityName(entry.start().identity()), MethodName(entry.start().method()),
                                         entry.start().upstream())
                                : FindEarlier(entry.call_id());
  if (call == nullptr) return nullptr;
  const bool decoded = request_.detail() == v1::TailCallsRequest::DETAIL_MESSAGES;
  call->view = std::make_unique<CallView>(
      &store_.descriptors(), decoded ? v1::EVENT_FORM_DECODED : v1::EVENT_FORM_OUTLINE, policy::JsonStyle::kOneLine);
  if (decoded && !entry.has_start()) ReadEarlier(entry, *call->view);
  return call;
}

CallTail::Call CallTail::FindEarlier(uint64_t id) {
  absl::StatusOr<CallStore::Reader> reader = store_.Borrow();
  const absl::StatusOr<recorder::CallSummary> summary =
      reader.ok() ? (*reader)->Call(id) : absl::StatusOr<recorder::CallSummary>(reader.status());
  if (summary.ok()) return Wanted(summary->identity, summary->method, summary->upstream);
  Call call = Wanted("", "", "");
  if (call == nullptr) return nullptr;
  call->method = call->identity = "?";
  return call;
}

CallTail::Call CallTail::Wanted(const std::string& identity, const std::string& method,
                                const std::string& upstream) const {
  if (!MatchesNames(request_.filter(), identity, method, upstream)) return nullptr;
  auto call = std::make_unique<Followed>();
  call->method = method;
  call->identity = identity;
  return call;
}

void CallTail::ReadEarlier(const v1::Entry& entry, CallView& view) {
  absl::StatusOr<CallStore::Reader> reader = store_.Borrow();
  if (!reader.ok()) return;
  const absl::Status done = absl::CancelledError("as far as this entry");
  // Without them its messages are bytes.
  (*reader)
      ->ReadCall(entry.call_id(),
                 [&](const v1::Entry& earlier) {
                   if (earlier.time_ns() > entry.time_ns()) return done;
                   view.Learn(earlier);
                   return absl::OkStatus();
                 })
      .IgnoreError();
}

bool CallTail::IsTold(const v1::Entry& entry) const {
  return request_.detail() != v1::TailCallsRequest::DETAIL_CALLS || entry.has_start() || entry.has_end();
}

}  // namespace sallyport::replay
