// What a policy would have done with calls that are recorded.
#ifndef SALLYPORT_REPLAY_CLI_POLICY_POLICY_DRY_RUN_H_
#define SALLYPORT_REPLAY_CLI_POLICY_POLICY_DRY_RUN_H_

#include <cstdint>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "policy/limits.h"
#include "policy/policy.h"
#include "replay/cli/policy/policy_call.h"
#include "replay/cli/policy/record_savings.h"
#include "replay/view/call_source.h"

namespace sallyport::replay {

enum class PolicyChange {
  kDeny,    // it was let through, and would be refused by a rule, or for want of a role
  kAllow,   // it was refused by a policy, and would be let through by a rule, or a role
  kLimit,   // it was let through, and would be refused by a limit
  kShadow,  // nothing would change, but a rule or limit in shadow would note it
};
inline constexpr int kPolicyChanges = 4;

// Calls that would change in the same way.
struct ChangeGroup {
  PolicyChange change = PolicyChange::kDeny;
  std::string rule;  // or limit
  std::string identity;
  std::string method;
  uint64_t calls = 0;
  std::vector<std::string> examples;  // ids of the first few
};

struct DryRunResult {
  uint64_t calls = 0;      // that the policy was asked about
  uint64_t undecided = 0;  // refused before any policy is asked: bad metadata, no route, nobody proved, ...
  uint64_t shredded = 0;
  uint64_t unreadable = 0;                  // the record of their start is damaged
  uint64_t by_change[kPolicyChanges] = {};  // calls; with kShadow once for each rule
  std::vector<ChangeGroup> groups;          // by kind of change, the largest first
  uint64_t ungrouped = 0;                   // in more groups than are kept
  std::vector<RecordSaving> recorded;       // payload, by the record rule that decides; empty if the policy has none
  uint64_t unmeasured = 0;                  // calls that are in none of these, for their record is damaged

  uint64_t of(PolicyChange change) const { return by_change[static_cast<int>(change)]; }
  // Calls that would end otherwise.
  uint64_t changed() const { return of(PolicyChange::kDeny) + of(PolicyChange::kAllow) + of(PolicyChange::kLimit); }
};

// Puts recorded calls to a policy, in the order in which they started, and compares with what happened to them. Limits
// are played through with the recorded times: calls stay open as long as they did, and their bytes count when they end.
// Lives for one run.
class PolicyDryRun {
 public:
  explicit PolicyDryRun(std::shared_ptr<const policy::Policy> policy);

  // Reads what the record has of the call. Damage is counted, other errors of the source are returned.
  absl::Status Add(CallSource& source, const v1::CallSummary& summary);

  DryRunResult Finish() &&;

 private:
  struct OpenCall {
    absl::Time end;
    uint64_t bytes = 0;
    policy::LimitTicket ticket;
  };
  struct EndsLater {
    bool operator()(const OpenCall& a, const OpenCall& b) const { return a.end > b.end; }
  };
  using GroupKey = std::tuple<PolicyChange, std::string, std::string, std::string>;

  void Decide(const policy::AccessRequest& request, absl::Time start, const v1::CallSummary& summary);
  // Of a call of the API, which roles decide about.
  void DecideReading(const policy::AccessRequest& request, const v1::CallSummary& summary);
  void ApplyLimits(const policy::AccessRequest& request, absl::Time start, const v1::CallSummary& summary);
  // Calls that were over by then give back what they held.
  void EndCalls(absl::Time until);
  void Count(PolicyChange change, std::string_view rule, const v1::CallSummary& summary);

  const std::shared_ptr<const policy::Policy> policy_;
  const policy::Limits limits_;
  RecordSavings savings_;
  std::priority_queue<OpenCall, std::vector<OpenCall>, EndsLater> open_;
  std::map<GroupKey, ChangeGroup> groups_;
  DryRunResult result_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_POLICY_POLICY_DRY_RUN_H_
