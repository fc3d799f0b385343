#include "replay/view/call_tail.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/masking/reader_masks.h"
#include "replay/view/call_filter.h"
#include "replay/view/exact_text.h"
#include "replay/view/names.h"
#include "replay/view/visible_calls.h"

namespace sallyport::replay {
namespace {

// Of a call that is remembered, and of one way to show it, beside what names and lists take.
constexpr size_t kCallBytes = 200;
constexpr size_t kViewBytes = 500;

bool IsEdge(const v1::Entry& entry) { return entry.has_start() || entry.has_end(); }

v1::EventForm FormOf(const TailWish& wish) {
  return wish.request.detail() == v1::TailCallsRequest::DETAIL_MESSAGES ? v1::EVENT_FORM_DECODED
                                                                        : v1::EVENT_FORM_OUTLINE;
}

const ReaderRights* RightsOf(const TailWish& wish) { return wish.rights.has_value() ? &*wish.rights : nullptr; }

bool Hides(const std::optional<ReaderRights>& rights) {
  return rights.has_value() && rights->masks != nullptr && !rights->masks->none();
}

}  // namespace

TailWish::TailWish(v1::TailCallsRequest wanted, std::optional<ReaderRights> allowed)
    : request(std::move(wanted)),
      rights(std::move(allowed)),
      hidden(Hides(rights) ? absl::StrCat(reinterpret_cast<uintptr_t>(rights->masks.get()), " ", TextOf(*rights))
                           : "") {}

void CallTail::Listen(Wishes wishes) {
  wishes_ = std::move(wishes);
  ++generation_;
}

absl::Status CallTail::Next(const v1::Entry& entry, Teller tell) {
  if (calls_.size() > kMostCalls || bytes_ > kMostBytes) {
    calls_.clear();
    bytes_ = 0;
  }
  Call& call = Find(entry);
  absl::Status status;
  for (const Audience& audience : call.audiences) {
    const bool told = IsEdge(entry) || !audience.each.empty();
    if (!told) {
      audience.view->Skip(entry);
    } else if (status.ok()) {
      status = Tell(entry, call, audience, tell);
    }
  }
  if (entry.has_end()) {
    bytes_ -= call.bytes;
    calls_.erase(entry.call_id());
  }
  return status;
}

absl::Status CallTail::Tell(const v1::Entry& entry, const Call& call, const Audience& audience, Teller tell) {
  absl::StatusOr<v1::Event> event = audience.view->Show(entry);
  if (!event.ok()) return event.status();
  auto said = std::make_shared<v1::TailCallsResponse>();
  v1::TailedEvent& told = *said->mutable_event();
  *told.mutable_event() = *std::move(event);
  told.set_identity(call.known ? call.identity : "?");
  SetText(call.known ? call.method : "?", "method", told.mutable_method(), told.mutable_exact());
  return tell(said, IsEdge(entry) ? audience.all : audience.each);
}

CallTail::Call& CallTail::Find(const v1::Entry& entry) {
  const auto [place, is_new] = calls_.try_emplace(entry.call_id());
  Call& call = place->second;
  if (is_new) Name(entry, call);
  if (is_new || call.generation != generation_) Seat(entry, call);
  return call;
}

void CallTail::Name(const v1::Entry& entry, Call& call) {
  if (entry.has_start()) {
    call.identity = IdentityName(entry.start().identity());
    call.method = MethodName(entry.start().method());
    call.upstream = entry.start().upstream();
    call.known = true;
    return;
  }
  absl::StatusOr<CallStore::Reader> reader = store_.Borrow();
  if (!reader.ok()) return;
  const absl::StatusOr<recorder::CallSummary> summary = (*reader)->Call(entry.call_id());
  if (!summary.ok() || summary->shredded) return;
  call.identity = summary->identity;
  call.method = summary->method;
  call.upstream = summary->upstream;
  call.known = true;
}

void CallTail::Seat(const v1::Entry& entry, Call& call) {
  std::vector<Audience> before = std::exchange(call.audiences, {});
  const auto belongs = [](const TailWish& wish) {
    return [&](const Audience& audience) {
      return FormOf(*audience.wish) == FormOf(wish) && audience.wish->hidden == wish.hidden;
    };
  };
  for (uint32_t i = 0; i < wishes_.size(); ++i) {
    const TailWish& wish = *wishes_[i];
    if (!IsWanted(wish, call)) continue;
    auto audience = std::find_if(call.audiences.begin(), call.audiences.end(), belongs(wish));
    if (audience == call.audiences.end()) {
      audience = call.audiences.insert(audience, Audience());
      const auto old = std::find_if(before.begin(), before.end(), belongs(wish));
      // The view refers to the wish that it was made for.
      if (old != before.end()) audience->view = std::move(old->view);
      audience->wish = old != before.end() ? old->wish : wishes_[i];
    }
    audience->all.push_back(i);
    if (wish.request.detail() != v1::TailCallsRequest::DETAIL_CALLS) audience->each.push_back(i);
  }
  bytes_ -= call.bytes;
  call.bytes = kCallBytes + call.identity.size() + call.method.size() + call.upstream.size();
  for (Audience& audience : call.audiences) {
    call.bytes += kViewBytes + (audience.all.size() + audience.each.size()) * sizeof(uint32_t);
    if (audience.view != nullptr) continue;
    const TailWish& wish = *audience.wish;
    audience.view = std::make_unique<CallView>(&store_.descriptors(), FormOf(wish), policy::JsonStyle::kOneLine,
                                               nullptr, RightsOf(wish));
    const bool needs_start = FormOf(wish) == v1::EVENT_FORM_DECODED || !wish.hidden.empty();
    if (needs_start && !entry.has_start()) ReadEarlier(entry, *audience.view);
  }
  bytes_ += call.bytes;
  call.generation = generation_;
}

bool CallTail::IsWanted(const TailWish& wish, const Call& call) {
  if (wish.rights.has_value()) {
    const recorder::CallScope& scope = wish.rights->scope;
    const bool has = call.known ? HasCall(scope, call.identity, call.method, call.upstream) : HasEverything(scope);
    if (!has) return false;
  }
  return MatchesNames(wish.request.filter(), call.identity, call.method, call.upstream);
}

void CallTail::ReadEarlier(const v1::Entry& entry, CallView& view) {
  absl::StatusOr<CallStore::Reader> reader = store_.Borrow();
  if (!reader.ok()) return;
  const absl::Status done = absl::CancelledError("as far as this entry");
  // Without them its messages are bytes, and where anything may be hidden everything is.
  (*reader)
      ->ReadCall(entry.call_id(),
                 [&](const v1::Entry& earlier) {
                   if (earlier.time_ns() > entry.time_ns()) return done;
                   view.Learn(earlier);
                   return absl::OkStatus();
                 })
      .IgnoreError();
}

}  // namespace sallyport::replay
