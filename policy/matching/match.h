// The conditions of a rule or a limit, ready to be asked.
#ifndef SALLYPORT_POLICY_MATCHING_MATCH_H_
#define SALLYPORT_POLICY_MATCHING_MATCH_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/access_request.h"
#include "policy/matching/network.h"
#include "policy/matching/time_window.h"

namespace sallyport::policy {

// Bit `1 << proof` for each of sallyport.v1.Proof.
using ProofSet = uint8_t;
ProofSet ProofBit(v1::Proof proof);

struct MetadataCondition {
  std::string name;
  std::string glob;
};

// A value, the form of sallyport.v1.Match that is asked: a list that is empty is no condition.
struct Match {
  std::vector<std::string> identities;
  std::vector<std::string> groups;
  std::vector<std::string> issuers;
  ProofSet proofs = 0;
  ProofSet all_proofs = 0;
  std::vector<std::string> methods;
  std::vector<std::string> upstreams;
  std::vector<MetadataCondition> metadata;
  std::vector<MetadataCondition> all_metadata;
  std::vector<Network> networks;
  std::vector<TimeWindow> times;
  std::vector<Match> except;  // these have no `except`
};

// A request with what several conditions need worked out once. A view of the request; lives for one decision.
class RequestFacts {
 public:
  explicit RequestFacts(const AccessRequest& request);

  const AccessRequest& request() const { return request_; }
  ProofSet proofs() const { return proofs_; }
  // Empty (as are issuer and groups) for anonymous callers.
  std::string_view subject() const { return subject_; }
  std::string_view issuer() const { return issuer_; }
  absl::Span<const std::string> groups() const { return groups_; }
  std::string_view method() const { return method_; }  // "package.Service/Method"
  const HostAddress& host() const { return host_; }
  // Of the request's `now`. Remembers the last zone asked for.
  int MinuteOfWeekIn(const absl::TimeZone& zone) const;

 private:
  const AccessRequest& request_;
  ProofSet proofs_ = 0;
  std::string_view subject_;
  std::string_view issuer_;
  absl::Span<const std::string> groups_;
  std::string_view method_;
  HostAddress host_;
  mutable absl::TimeZone zone_;
  mutable int minute_ = -1;  // in zone_; negative if none was asked for
};

// Whether all conditions hold. Tries them one by one: policy/matching/match_index.h is for many.
bool Matches(const Match& match, const RequestFacts& facts);

// The conditions that MatchIndex does not look at, `except` aside: of `metadata` it takes the first alone.
bool RemainingConditionsHold(const Match& match, const RequestFacts& facts);

// A condition that does not hold.
struct Mismatch {
  std::string condition;  // as the policy file calls it
  std::string reason;     // what the call has and what is asked for, in words; as it came, so not safe for a terminal
};

// All conditions that do not hold; none if `match` matches.
std::vector<Mismatch> Mismatches(const Match& match, const RequestFacts& facts);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MATCHING_MATCH_H_
