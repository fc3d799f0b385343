#include "replay/cli/policy/policy_dry_run.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "recorder/format/call_id.h"
#include "replay/view/exact_text.h"
#include "replay/view/proto_time.h"
#include "replay/view/reading.h"

namespace sallyport::replay {
namespace {

constexpr size_t kMostGroups = 10'000;
constexpr size_t kExamples = 3;

enum class Outcome { kLetThrough, kRefusedByPolicy, kRefusedByLimit, kUndecided };

// What became of the call, as far as a policy has a say in it.
Outcome OutcomeOf(const v1::CallSummary& summary) {
  if (summary.state() != v1::CALL_STATE_REFUSED) return Outcome::kLetThrough;
  switch (static_cast<absl::StatusCode>(summary.outcome().status_code())) {
    case absl::StatusCode::kPermissionDenied:
      return Outcome::kRefusedByPolicy;
    case absl::StatusCode::kResourceExhausted:
      return Outcome::kRefusedByLimit;
    default:
      return Outcome::kUndecided;
  }
}

// The start of a call. Empty if its record has none.
absl::StatusOr<std::optional<v1::Entry>> ReadStart(CallSource& source, uint64_t id) {
  std::optional<v1::Entry> start;
  const absl::Status status = ReadRecord(source, id, [&](const v1::Entry& entry) {
    if (entry.event_case() == v1::Entry::kStart) start = entry;
    return absl::CancelledError("the rest is not needed");
  });
  if (!status.ok() && !absl::IsCancelled(status)) return status;
  return start;
}

// Whether somebody read the record over the API: a call of the gateway's own, which it records as one that went to
// itself.
bool IsRead(const policy::AccessRequest& request) {
  return request.upstream == "sallyport" && policy::IsOfApi(request.method);
}

}  // namespace

PolicyDryRun::PolicyDryRun(std::shared_ptr<const policy::Policy> policy)
    : policy_(std::move(policy)), limits_(policy_, nullptr), savings_(policy_->record_rules()) {}

absl::Status PolicyDryRun::Add(CallSource& source, const v1::CallSummary& summary) {
  if (summary.state() == v1::CALL_STATE_SHREDDED) {
    ++result_.shredded;
    return absl::OkStatus();
  }
  if (OutcomeOf(summary) == Outcome::kUndecided) {
    ++result_.undecided;
    return absl::OkStatus();
  }
  const absl::StatusOr<std::optional<v1::Entry>> entry = ReadStart(source, recorder::ParseId(summary.id()).value_or(0));
  if (!entry.ok() && !absl::IsDataLoss(entry.status()) && !absl::IsNotFound(entry.status())) return entry.status();
  if (!entry.ok() || !entry->has_value()) {
    ++result_.unreadable;
    return absl::OkStatus();
  }
  const absl::Time start = absl::FromUnixNanos(static_cast<int64_t>((*entry)->time_ns()));
  const PolicyCall call = PolicyCall::FromRecord((*entry)->start(), start);
  const policy::AccessRequest request = call.Request();
  if (IsRead(request)) {
    DecideReading(request, summary);
    return absl::OkStatus();
  }
  Decide(request, start, summary);
  if (policy_->record_rules().empty()) return absl::OkStatus();
  return savings_.Add(source, summary, (*entry)->start(), policy_->RecordRuleOf(request));
}

void PolicyDryRun::Decide(const policy::AccessRequest& request, absl::Time start, const v1::CallSummary& summary) {
  ++result_.calls;
  const policy::AccessDecision decision = policy_->Decide(request);
  for (const std::string_view rule : decision.shadow_denied) Count(PolicyChange::kShadow, rule, summary);
  const bool was_refused = OutcomeOf(summary) == Outcome::kRefusedByPolicy;
  if (decision.allowed == was_refused) {
    Count(decision.allowed ? PolicyChange::kAllow : PolicyChange::kDeny, decision.rule, summary);
  }
  // What did not run has no length and no bytes to count.
  if (decision.allowed && OutcomeOf(summary) == Outcome::kLetThrough) ApplyLimits(request, start, summary);
}

void PolicyDryRun::DecideReading(const policy::AccessRequest& request, const v1::CallSummary& summary) {
  ++result_.calls;
  // Users of the gateway's own machine have their roles whatever the policy says, and who one is needs none.
  const bool local = std::find(request.proofs.begin(), request.proofs.end(), v1::PROOF_LOCAL) != request.proofs.end();
  if (local || request.method.ends_with("/Whoami")) return;
  const std::vector<const policy::RoleRule*> roles = policy_->RolesOf(request);
  const bool was_refused = OutcomeOf(summary) == Outcome::kRefusedByPolicy;
  if (roles.empty() && !was_refused) Count(PolicyChange::kDeny, policy::kDefaultRule, summary);
  if (!was_refused) return;
  // What others than these may ask for is not the policy's to say.
  const auto shows = std::find_if(roles.begin(), roles.end(),
                                  [](const policy::RoleRule* role) { return policy::ShowsCalls(role->kind); });
  if (shows != roles.end()) Count(PolicyChange::kAllow, (*shows)->name, summary);
}

void PolicyDryRun::ApplyLimits(const policy::AccessRequest& request, absl::Time start, const v1::CallSummary& summary) {
  EndCalls(start);
  policy::Admission admission = limits_.Admit(request, start);
  for (const std::string_view limit : admission.shadow_exceeded) Count(PolicyChange::kShadow, limit, summary);
  if (!admission.admitted) return Count(PolicyChange::kLimit, admission.limit, summary);
  const v1::CallOutcome& outcome = summary.outcome();
  open_.push({summary.has_outcome() ? start + ToDuration(outcome.duration()) : absl::InfiniteFuture(),
              outcome.request_bytes() + outcome.response_bytes(), std::move(admission.ticket)});
}

void PolicyDryRun::EndCalls(absl::Time until) {
  while (!open_.empty() && open_.top().end <= until) {
    open_.top().ticket.Charge(open_.top().bytes, open_.top().end);
    open_.pop();
  }
}

void PolicyDryRun::Count(PolicyChange change, std::string_view rule, const v1::CallSummary& summary) {
  ++result_.by_change[static_cast<int>(change)];
  const std::string& method = ExactText(summary.method(), "method", summary.exact());
  GroupKey key(change, rule, summary.identity(), method);
  auto group = groups_.find(key);
  if (group == groups_.end()) {
    if (groups_.size() == kMostGroups) {
      ++result_.ungrouped;
      return;
    }
    group = groups_.emplace(std::move(key), ChangeGroup{change, std::string(rule), summary.identity(), method, 0, {}})
                .first;
  }
  ++group->second.calls;
  if (group->second.examples.size() < kExamples) group->second.examples.push_back(summary.id());
}

DryRunResult PolicyDryRun::Finish() && {
  for (auto& [key, group] : groups_) result_.groups.push_back(std::move(group));
  result_.recorded = savings_.savings();
  result_.unmeasured = savings_.unmeasured();
  // Those of equal size stay in the order of their names.
  std::stable_sort(result_.groups.begin(), result_.groups.end(), [](const ChangeGroup& a, const ChangeGroup& b) {
    return a.change != b.change ? a.change < b.change : a.calls > b.calls;
  });
  return std::move(result_);
}

}  // namespace sallyport::replay
