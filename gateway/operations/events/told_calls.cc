#include "gateway/operations/events/told_calls.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "recorder/format/call_id.h"

namespace sallyport::gateway {
namespace {

// Of the table and the allocations of one call.
constexpr size_t kOverhead = 256;

size_t SizeOf(const ToldCall& facts) {
  return kOverhead + sizeof(ToldCall) + facts.method.size() + facts.authority.size() + facts.peer.size() +
         facts.upstream.size() + facts.upstream_target.size() + facts.identity.ByteSizeLong() +
         facts.decision.ByteSizeLong();
}

}  // namespace

void LearnCall(const v1::Entry& entry, ToldCall& facts) {
  if (entry.has_decision()) facts.decision = entry.decision();
  if (!entry.has_start()) return;
  const v1::CallStart& start = entry.start();
  facts.start_ns = entry.time_ns();
  facts.method = start.method();
  facts.authority = start.authority();
  facts.peer = start.peer();
  facts.identity = start.identity();
  facts.session_id = start.session_id();
  facts.upstream = start.upstream();
  facts.upstream_target = start.upstream_target();
}

ToldCall& ToldCalls::Find(uint64_t call_id) {
  const auto known = calls_.find(call_id);
  if (known != calls_.end()) return *known->second;
  auto facts = std::make_unique<ToldCall>();
  if (const absl::Status status = lookup_(call_id, *facts); !status.ok()) {
    // The event is told with what its own entry says.
    spdlog::debug("events: the beginning of call {} cannot be read: {}", recorder::FormatId(call_id),
                  status.ToString());
  }
  if (bytes_ > most_bytes_) Forget();
  bytes_ += SizeOf(*facts);
  return *calls_.emplace(call_id, std::move(facts)).first->second;
}

const ToldCall& ToldCalls::Take(const v1::Entry& entry) {
  static const ToldCall& nothing = *new ToldCall();
  switch (entry.event_case()) {
    case v1::Entry::kStart: {
      if (bytes_ > most_bytes_) Forget();
      auto facts = std::make_unique<ToldCall>();
      LearnCall(entry, *facts);
      const ToldCall& begun = *facts;
      const auto [place, added] = calls_.try_emplace(entry.call_id());
      // Read again, after the reader has gone back.
      if (!added) bytes_ -= SizeOf(*place->second);
      bytes_ += SizeOf(begun);
      place->second = std::move(facts);
      return begun;
    }
    case v1::Entry::kDecision: {
      ToldCall& facts = Find(entry.call_id());
      bytes_ -= SizeOf(facts);
      LearnCall(entry, facts);
      bytes_ += SizeOf(facts);
      return facts;
    }
    case v1::Entry::kEnd: {
      Find(entry.call_id());
      auto node = calls_.extract(entry.call_id());
      ended_ = std::move(node.mapped());
      bytes_ -= SizeOf(*ended_);
      return *ended_;
    }
    case v1::Entry::kFrame:
    case v1::Entry::kHalfClose:
    case v1::Entry::kLook:
    case v1::Entry::kResponseHeaders:
    case v1::Entry::EVENT_NOT_SET:
      break;
  }
  return nothing;
}

void ToldCalls::Forget() {
  calls_.clear();
  bytes_ = 0;
}

}  // namespace sallyport::gateway
