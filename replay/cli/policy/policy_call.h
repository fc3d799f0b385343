// Calls as the policy commands put them to a policy: described by hand, or recorded.
#ifndef SALLYPORT_REPLAY_CLI_POLICY_POLICY_CALL_H_
#define SALLYPORT_REPLAY_CLI_POLICY_POLICY_CALL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policy/access_request.h"
#include "policy/policy.h"
#include "replay/replayer/outgoing_metadata.h"
#include "sallyport/v1/record.pb.h"

namespace CLI {
class App;
}

namespace sallyport::replay {

// A call as people describe it. Empty means not given.
struct CallDescription {
  std::string identity;
  std::string issuer;
  std::vector<std::string> groups;
  std::vector<std::string> proofs;
  std::string method;
  std::string upstream;
  std::vector<std::string> metadata;
  std::string peer;
  std::string at;
};

// --identity --issuer --groups --proof --method --upstream --metadata --peer --at. `description` must outlive the
// parse.
void AddCallDescriptionOptions(CLI::App* command, CallDescription* description);

// A call that a policy can be asked about. A value.
class PolicyCall {
 public:
  // Takes place at `now` unless the description says when. INVALID_ARGUMENT says what cannot be read.
  static absl::StatusOr<PolicyCall> FromDescription(const CallDescription& description, absl::Time now);
  // Of credentials in metadata the record has only fingerprints; no rule looks at those.
  static PolicyCall FromRecord(const v1::CallStart& start, absl::Time time);

  void operator()(policy::MetadataVisitor visit) const {
    for (const MetadataPair& pair : metadata_) visit(pair.name, pair.value);
  }
  // A view of this call.
  policy::AccessRequest Request() const;

 private:
  std::vector<v1::Proof> proofs_;
  std::string subject_;
  std::string issuer_;
  std::vector<std::string> groups_;
  std::string method_;
  std::string upstream_;
  std::string peer_;
  absl::Time time_;
  std::vector<MetadataPair> metadata_;
};

// The same caller, as it asks for calls over the API.
policy::AccessRequest AsReader(policy::AccessRequest request);
// Names of the roles that it has there.
std::vector<std::string> RoleNames(const policy::Policy& policy, const policy::AccessRequest& request);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_POLICY_POLICY_CALL_H_
