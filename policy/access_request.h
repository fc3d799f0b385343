// What access rules and limits look at.
#ifndef SALLYPORT_POLICY_ACCESS_REQUEST_H_
#define SALLYPORT_POLICY_ACCESS_REQUEST_H_

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::policy {

using MetadataVisitor = absl::FunctionRef<void(std::string_view name, std::string_view value)>;
// Hands every metadata pair of a call to the visitor. Names are in lower case, as gRPC delivers them.
using MetadataSource = absl::FunctionRef<void(MetadataVisitor)>;

// One call that asks to be let through. A view: everything it refers to, the function behind `metadata` included, must
// live until what takes it returns.
struct AccessRequest {
  explicit AccessRequest(MetadataSource metadata_source) : metadata(metadata_source) {}

  // The proofs that the caller showed and that held. Without any (PROOF_NONE is none) the caller is anonymous, and
  // subject, issuer and groups are not looked at.
  absl::Span<const v1::Proof> proofs;
  std::string_view subject;
  std::string_view issuer;
  absl::Span<const std::string> groups;

  std::string_view method;    // "package.Service/Method", with a leading slash or without
  std::string_view upstream;  // its name; empty if no route matched
  std::string_view peer;      // in gRPC's notation, such as "ipv4:10.0.0.7:51514"
  absl::Time now;             // when it is decided, by the wall clock
  MetadataSource metadata;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_ACCESS_REQUEST_H_
