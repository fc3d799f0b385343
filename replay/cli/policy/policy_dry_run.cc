#include "replay/cli/policy/policy_dry_run.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace sallyport::replay {
namespace {

constexpr size_t kMostGroups = 10'000;
constexpr size_t kExamples = 3;

enum class Outcome { kLetThrough, kRefusedByPolicy, kRefusedByLimit, kUndecided };

// What became of the call, as far as a policy has a say in it.
Outcome OutcomeOf(const recorder::CallSummary& summary) {
  if (summary.end_reason != v1::END_REASON_REFUSED) return Outcome::kLetThrough;
  switch (static_cast<absl::StatusCode>(summary.status_code)) {
    case absl::StatusCode::kPermissionDenied:
      return Outcome::kRefusedByPolicy;
    case absl::StatusCode::kResourceExhausted:
      return Outcome::kRefusedByLimit;
    default:
      return Outcome::kUndecided;
  }
}

// The start of a call. Empty if its record has none.
absl::StatusOr<std::optional<v1::Entry>> ReadStart(recorder::RecordReader& reader, uint64_t id) {
  std::optional<v1::Entry> start;
  const absl::Status status = reader.ReadCall(id, [&](const v1::Entry& entry) {
    if (entry.event_case() == v1::Entry::kStart) start = entry;
    return absl::CancelledError("the rest is not needed");
  });
  if (!status.ok() && !absl::IsCancelled(status)) return status;
  return start;
}

}  // namespace

PolicyDryRun::PolicyDryRun(std::shared_ptr<const policy::Policy> policy)
    : policy_(std::move(policy)), limits_(policy_, nullptr) {}

absl::Status PolicyDryRun::Add(recorder::RecordReader& reader, const recorder::CallSummary& summary) {
  if (summary.shredded) {
    ++result_.shredded;
    return absl::OkStatus();
  }
  if (OutcomeOf(summary) == Outcome::kUndecided) {
    ++result_.undecided;
    return absl::OkStatus();
  }
  const absl::StatusOr<std::optional<v1::Entry>> entry = ReadStart(reader, summary.id);
  if (!entry.ok() && !absl::IsDataLoss(entry.status()) && !absl::IsNotFound(entry.status())) return entry.status();
  if (!entry.ok() || !entry->has_value()) {
    ++result_.unreadable;
    return absl::OkStatus();
  }
  const absl::Time start = absl::FromUnixNanos(static_cast<int64_t>((*entry)->time_ns()));
  Decide(PolicyCall::FromRecord((*entry)->start(), start), start, summary);
  return absl::OkStatus();
}

void PolicyDryRun::Decide(const PolicyCall& call, absl::Time start, const recorder::CallSummary& summary) {
  ++result_.calls;
  const policy::AccessRequest request = call.Request();
  const policy::AccessDecision decision = policy_->Decide(request);
  for (const std::string_view rule : decision.shadow_denied) Note(PolicyChange::kShadow, rule, summary);
  const bool was_refused = OutcomeOf(summary) == Outcome::kRefusedByPolicy;
  if (decision.allowed == was_refused) {
    Note(decision.allowed ? PolicyChange::kAllow : PolicyChange::kDeny, decision.rule, summary);
  }
  // What did not run has no length and no bytes to count.
  if (decision.allowed && OutcomeOf(summary) == Outcome::kLetThrough) Limit(request, start, summary);
}

void PolicyDryRun::Limit(const policy::AccessRequest& request, absl::Time start, const recorder::CallSummary& summary) {
  EndCalls(start);
  policy::Admission admission = limits_.Admit(request, start);
  for (const std::string_view limit : admission.shadow_exceeded) Note(PolicyChange::kShadow, limit, summary);
  if (!admission.admitted) return Note(PolicyChange::kLimit, admission.limit, summary);
  const bool ended = summary.end_reason != v1::END_REASON_UNSPECIFIED;
  open_.push({ended ? start + summary.duration : absl::InfiniteFuture(), summary.request_bytes + summary.response_bytes,
              std::move(admission.ticket)});
}

void PolicyDryRun::EndCalls(absl::Time until) {
  while (!open_.empty() && open_.top().end <= until) {
    open_.top().ticket.Charge(open_.top().bytes, open_.top().end);
    open_.pop();
  }
}

void PolicyDryRun::Note(PolicyChange change, std::string_view rule, const recorder::CallSummary& summary) {
  ++result_.by_change[static_cast<int>(change)];
  GroupKey key(change, rule, summary.identity, summary.method);
  auto group = groups_.find(key);
  if (group == groups_.end()) {
    if (groups_.size() == kMostGroups) {
      ++result_.ungrouped;
      return;
    }
    group =
        groups_.emplace(std::move(key), ChangeGroup{change, std::string(rule), summary.identity, summary.method, 0, {}})
            .first;
  }
  ++group->second.calls;
  if (group->second.examples.size() < kExamples) group->second.examples.push_back(summary.id);
}

DryRunResult PolicyDryRun::Finish() && {
  for (auto& [key, group] : groups_) result_.groups.push_back(std::move(group));
  // Those of equal size stay in the order of their names.
  std::stable_sort(result_.groups.begin(), result_.groups.end(), [](const ChangeGroup& a, const ChangeGroup& b) {
    return a.change != b.change ? a.change < b.change : a.calls > b.calls;
  });
  return std::move(result_);
}

}  // namespace sallyport::replay
