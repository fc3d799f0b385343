// Who calls: all proofs that a call shows, taken together.
#ifndef SALLYPORT_GATEWAY_IDENTITY_AUTHENTICATOR_H_
#define SALLYPORT_GATEWAY_IDENTITY_AUTHENTICATOR_H_

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/files/file_watcher.h"
#include "gateway/identity/api_keys/api_keys.h"
#include "gateway/identity/identity.h"
#include "gateway/identity/identity_options.h"
#include "gateway/identity/mtls/mtls.h"
#include "gateway/identity/oidc/token_verifier.h"

namespace sallyport::gateway {

// A caller as the gateway knows it. A value, copied for each call.
struct Caller {
  // Every proof that was shown, the one that names the caller first. None: an anonymous caller.
  absl::InlinedVector<std::shared_ptr<const ProvedIdentity>, 2> proofs;

  bool anonymous() const { return proofs.empty(); }
  // The proof that names the caller. Not for anonymous callers.
  const ProvedIdentity& named() const { return *proofs.front(); }
  // When the first of the proofs is worth nothing any more.
  absl::Time expires() const;
};

// What a call shows. Views of what lives at least until Authenticate returns.
struct ShownProofs {
  // The values of `authorization`. There may be no more than one, which the relay sees to.
  std::optional<std::string_view> authorization;
  PeerCertificates certificates;  // empty without TLS, and where none was shown
};

// Puts the ways of proving oneself together: each proof that is shown must hold, whatever the others say, and at least
// one must be shown unless anonymous callers are let in. Thread-safe; outlives the calls that use it. One for each
// configuration.
class Authenticator {
 public:
  // UNAUTHENTICATED and UNAVAILABLE as in ProofResult.
  using Result = absl::StatusOr<Caller>;
  // Called at most once, from another thread. Must not drop the authenticator.
  using Done = absl::AnyInvocable<void(Result)>;

  // Reads the files, and from then on whenever they change; begins to fetch issuers' keys. Errors say what is not in
  // order.
  static absl::StatusOr<std::unique_ptr<Authenticator>> Create(const IdentityOptions& options);

  // The result, if it is known at once, which it is unless keys have to be fetched first; otherwise nothing, and `done`
  // is called. Never blocks.
  std::optional<Result> Authenticate(const ShownProofs& shown, absl::Time now, Done done);
  // The same without waiting for what is not known.
  std::optional<Result> AuthenticateNow(const ShownProofs& shown, absl::Time now);

  // Who calls, where that costs look-ups only: proofs that were seen to hold before, API keys, and anonymous callers
  // that show nothing. Nothing for everybody else, whatever their proofs are worth.
  std::optional<Caller> Recall(const ShownProofs& shown, absl::Time now);

  // True if `authorization` is how callers prove themselves, and so not meant for the upstream.
  bool takes_bearer() const { return tokens_ != nullptr || api_keys_ != nullptr; }
  bool takes_certificates() const { return mtls_ != nullptr; }

 private:
  // With `done` null, only what is known at once.
  std::optional<Result> Find(const ShownProofs& shown, absl::Time now, Done* done);
  Authenticator() = default;
  // Puts the proofs in order, and lets anonymous callers in where they may come. `certificate` is null where none was
  // shown.
  Result Together(std::shared_ptr<const ProvedIdentity> certificate, std::optional<ProofResult> bearer) const;
  int RankOf(ProofKind kind) const;
  const char* WaysIn() const;

  // Constant after Create. Null where that way is not configured: certificates are then not looked at, and tokens
  // belong to the upstream.
  bool anonymous_ = false;
  std::vector<ProofKind> precedence_;
  // Destroyed before the members above, because their threads read those.
  std::unique_ptr<ApiKeys> api_keys_;
  std::unique_ptr<MtlsVerifier> mtls_;
  std::unique_ptr<TokenVerifier> tokens_;
  std::unique_ptr<FileWatcher> watcher_;  // of the above
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_AUTHENTICATOR_H_
