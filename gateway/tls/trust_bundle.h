// Whom the gateway lets vouch for callers.
#ifndef SALLYPORT_GATEWAY_TLS_TRUST_BUNDLE_H_
#define SALLYPORT_GATEWAY_TLS_TRUST_BUNDLE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/tls/certificate.h"

struct x509_store_st;

namespace sallyport::gateway {

// What a file held, and its name for errors.
struct PemText {
  std::string name;
  std::string text;
};

// Authorities, and what they have revoked. Each of them is trusted by itself, whoever signed it. Immutable;
// thread-safe.
class TrustBundle {
 public:
  // INVALID_ARGUMENT names the file and says what is wrong with it, down to each certificate: one that is not of an
  // authority or weak is a fault. Lists need to say until when they are good; that one has expired is no fault here.
  static absl::StatusOr<TrustBundle> Create(const PemText& authorities, const std::optional<PemText>& revocations);

  struct Verified {
    absl::Time begins;      // when the last certificate of the chain to do so became valid
    absl::Time expires;     // when the first one expires
    absl::Time good_until;  // when a revocation list may say something else
  };
  // Path validation of RFC 5280 at `now`, for client authentication, revocations included where there are lists: then
  // each authority in the chain but the last needs one, and so does the last for those it signed. `others` may help to
  // find the way and are not trusted. UNAUTHENTICATED says why not, as a whole sentence; UNAVAILABLE if revocation
  // cannot be checked, because a list is missing, has expired or is damaged.
  absl::StatusOr<Verified> Verify(const Certificate& caller, const std::vector<Certificate>& others,
                                  absl::Time now) const;

 private:
  TrustBundle() = default;
  absl::Status AddAuthorities(const PemText& file);
  absl::Status AddRevocations(const PemText& file);

  std::shared_ptr<x509_store_st> store_;
  bool has_revocations_ = false;
  std::vector<absl::Time> list_ends_;  // of the revocation lists, in order
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_TLS_TRUST_BUNDLE_H_
