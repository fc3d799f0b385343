// What credentials are told about the caller they are for.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CALLER_VIEW_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CALLER_VIEW_H_

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gateway/identity/identity.h"

namespace sallyport::gateway {

// Points into what the call holds: nobody keeps it beyond the function that is given it.
struct CallerView {
  ProofKind proof = ProofKind::kNone;
  std::string_view issuer;
  std::string_view subject = "anonymous";
  absl::Span<const std::string> groups;
  std::string_view bearer_token;                // as the caller sent it, without "Bearer "; empty if it sent none
  absl::Time expires = absl::InfiniteFuture();  // of the caller's proof
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CALLER_VIEW_H_
