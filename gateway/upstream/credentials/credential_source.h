// Where one pair of metadata that upstreams are shown comes from.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CREDENTIAL_SOURCE_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CREDENTIAL_SOURCE_H_

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/upstream/credentials/caller_view.h"
#include "gateway/upstream/credentials/credentials_options.h"
#include "gateway/upstream/credentials/refreshed_secret.h"

namespace sallyport::gateway {

class TokenEndpoint;
class TokenSigner;

// Thread-safe; its methods do not block. Destroyed after all who wait for it.
class CredentialSource {
 public:
  // What is shown to an upstream, and what is to hear of it if the upstream does not take it.
  struct Credential {
    SharedSecret value;
    std::shared_ptr<RefreshedSecret> origin;
  };
  using Done = absl::AnyInvocable<void(absl::StatusOr<Credential>) &&>;

  virtual ~CredentialSource() = default;

  // The credential for a caller, or why there is none. If nothing is returned, `done` is told later, once.
  // UNAUTHENTICATED where the caller's own proof does not do; every other error is the gateway's own trouble.
  virtual std::optional<absl::StatusOr<Credential>> Get(const CallerView& caller, absl::Time now, Done done) = 0;

  // How the secret is kept, where all callers have the same.
  virtual std::optional<RefreshedSecret::State> State() const { return std::nullopt; }
};

// `label`, such as "upstream etcd, metadata authorization", is what the log calls the source.
struct SourceContext {
  std::string label;
  std::function<absl::Time()> clock;
  // In place of threads of the source's own; for tests.
  FetchRunner* runner = nullptr;
};

// A secret from a file, the environment or a command, or a token for client credentials: the same for all callers.
std::unique_ptr<CredentialSource> MakeStaticSource(const SecretOptions& options, const std::string& prefix,
                                                   const SourceContext& context);
std::unique_ptr<CredentialSource> MakeClientCredentialsSource(const ClientCredentialsOptions& options,
                                                              const std::string& prefix,
                                                              std::unique_ptr<TokenEndpoint> endpoint,
                                                              const SourceContext& context);
// A token for each caller.
std::unique_ptr<CredentialSource> MakeTokenExchangeSource(const TokenExchangeOptions& options,
                                                          const std::string& prefix,
                                                          std::unique_ptr<TokenEndpoint> endpoint,
                                                          const SourceContext& context);
// `signer` outlives the source.
std::unique_ptr<CredentialSource> MakeSignedTokenSource(const SignedTokenOptions& options, const std::string& prefix,
                                                        TokenSigner& signer, const SourceContext& context);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CREDENTIAL_SOURCE_H_
