// Says who calls, by a bearer token.
#ifndef SALLYPORT_GATEWAY_IDENTITY_OIDC_TOKEN_VERIFIER_H_
#define SALLYPORT_GATEWAY_IDENTITY_OIDC_TOKEN_VERIFIER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/http/http_client.h"
#include "gateway/identity/identity.h"
#include "gateway/identity/jwt/token_cache.h"
#include "gateway/identity/oidc/oidc_issuer.h"
#include "gateway/identity/oidc/oidc_options.h"

namespace sallyport::gateway {

// Verifies the tokens of any number of issuers: a token's own word only picks the issuer whose rules and keys then have
// to bear it out. What was verified is kept until it expires, or the issuer's keys change. One for each configuration:
// a reload makes a new one, and drops the old when nobody uses it any more. Thread-safe.
class TokenVerifier {
 public:
  // Called once. Must not call back into the verifier, nor drop it.
  using Done = absl::AnyInvocable<void(ProofResult)>;

  // What it uses of the world around it.
  struct Environment {
    std::function<absl::Time()> clock = absl::Now;  // for its own threads
    std::function<absl::StatusOr<std::unique_ptr<HttpClient>>(const HttpClient::Options&)> http = &HttpClient::Create;
    size_t most_cached = 65536;  // tokens
  };

  // FAILED_PRECONDITION if libcurl cannot be used.
  static absl::StatusOr<std::unique_ptr<TokenVerifier>> Create(std::vector<OidcIssuerOptions> issuers,
                                                               const Environment& environment);
  static absl::StatusOr<std::unique_ptr<TokenVerifier>> Create(std::vector<OidcIssuerOptions> issuers) {
    return Create(std::move(issuers), Environment());
  }
  // Ends its threads; calls that still wait get UNAVAILABLE.
  ~TokenVerifier();

  // The answer, if it is known without waiting for anybody; for a token seen before it costs a look-up. Otherwise
  // nothing, and Verify is to be called. Never blocks.
  std::optional<ProofResult> VerifyNow(std::string_view token, absl::Time now) { return Find(token, now, nullptr); }
  // The same, but where nothing is returned `done` will be called once, from another thread, when the issuer's keys
  // were fetched or its review was asked for, or that failed: within the time that two HTTP requests may take. Never
  // blocks.
  std::optional<ProofResult> Verify(std::string_view token, absl::Time now, Done done) {
    return Find(token, now, &done);
  }

  // What was found out about the token before, if that still holds: a look-up.
  std::optional<ProofResult> Recall(std::string_view token, absl::Time now);

  // Begins to fetch keys. Without it tokens wait.
  void Start();
  // Does on this thread what those that Start begins would do now. For tests, in place of Start.
  void DoWhatIsDue();

 private:
  explicit TokenVerifier(size_t most_cached) : cache_(most_cached) {}
  std::optional<ProofResult> Find(std::string_view token, absl::Time now, Done* done);

  TokenCache cache_;
  absl::flat_hash_map<std::string, std::unique_ptr<OidcIssuer>> issuers_;  // constant after construction
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_OIDC_TOKEN_VERIFIER_H_
