// Callers who prove who they are with a client certificate.
#ifndef SALLYPORT_GATEWAY_IDENTITY_MTLS_MTLS_H_
#define SALLYPORT_GATEWAY_IDENTITY_MTLS_MTLS_H_

#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/identity/identity.h"
#include "gateway/identity/mtls/recently_used.h"
#include "gateway/tls/certificate.h"
#include "gateway/tls/trust_bundle.h"
#include "sallyport/v1/identity.pb.h"

namespace sallyport::gateway {

// What a TLS handshake left about the other side, as gRPC's AuthContext has it.
struct PeerCertificates {
  std::string_view leaf;  // x509_pem_cert
  // x509_pem_cert_chain: what the caller sent besides; of servers without the certificate itself. After a resumed
  // handshake there is none.
  std::string_view chain;
};

// Decides whether a certificate proves an identity, and which: its SPIFFE ID where it has one (the trust domain then
// picks the bundle, and nothing else will do), else a name that an authority of `ca` signed. The handshake has already
// shown that the caller holds the key. Thread-safe.
class MtlsVerifier {
 public:
  // Reads all files. INVALID_ARGUMENT says which part of the configuration, or which file, is wrong and how; others
  // that a file cannot be read.
  static absl::StatusOr<std::unique_ptr<MtlsVerifier>> Create(const v1::MtlsIdentity& config);

  // `now` decides about validity. Certificates seen before cost a hash and a lookup.
  ProofResult Verify(const PeerCertificates& peer, absl::Time now);

  // Whom the certificates name, if they were seen to hold before and still do; null otherwise. Costs as much.
  std::shared_ptr<const ProvedIdentity> Recall(const PeerCertificates& peer, absl::Time now) const;

  // Reads all files again. If one is not in order, nothing changes.
  absl::Status Reload();
  // All that Reload reads.
  std::vector<std::string> Files() const;
  // Those with authorities, for the handshake.
  std::vector<std::string> AuthorityFiles() const;

  // How many certificates can be found again; for tests.
  size_t remembered() const;

 private:
  // What one reading of the files makes of callers' certificates. Immutable but for what it remembers.
  struct Trust;
  struct Proof {
    ProofResult result;
    absl::Time from;
    absl::Time until;
  };

  // Who a certificate says it is of, and who would have to vouch for that.
  struct Claim {
    std::shared_ptr<ProvedIdentity> identity;
    const TrustBundle* bundle = nullptr;
  };

  explicit MtlsVerifier(v1::MtlsIdentity config);
  absl::StatusOr<std::shared_ptr<Trust>> Load() const;
  std::shared_ptr<const Proof> Check(const Trust& trust, const PeerCertificates& peer, absl::Time now) const;
  absl::StatusOr<Claim> ClaimOf(const Trust& trust, const Certificate& leaf) const;
  absl::StatusOr<std::string> SubjectOf(const CertificateNames& names) const;
  std::shared_ptr<Trust> trust() const;

  const v1::MtlsIdentity config_;
  mutable std::shared_mutex mutex_;
  std::shared_ptr<Trust> trust_ ABSL_GUARDED_BY(mutex_);
  // Chains that held, by the leaf: a caller who resumes a handshake does not send the rest again.
  RecentlyUsed<std::shared_ptr<const std::string>> chains_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_MTLS_MTLS_H_
