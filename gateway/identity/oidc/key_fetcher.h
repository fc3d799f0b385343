// Gets the keys of an issuer of tokens from where they are.
#ifndef SALLYPORT_GATEWAY_IDENTITY_OIDC_KEY_FETCHER_H_
#define SALLYPORT_GATEWAY_IDENTITY_OIDC_KEY_FETCHER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/http/http_client.h"
#include "gateway/identity/jwt/jwks.h"
#include "gateway/identity/oidc/oidc_options.h"

namespace sallyport::gateway {

// One issuer's: by OpenID Connect Discovery 1.0, from a URL or from a file. Used by one thread, which it blocks for as
// long as `http` lets a request take, twice; but for Cancel.
class KeyFetcher {
 public:
  // `http` may be null where the keys are in a file.
  KeyFetcher(std::string issuer, KeySourceOptions options, std::unique_ptr<HttpClient> http);

  // What is published now. UNAVAILABLE or INVALID_ARGUMENT and the like, saying who was asked and what was wrong.
  // Discovery is repeated when it is older than the refresh interval, and after a failure.
  absl::StatusOr<std::shared_ptr<const KeySet>> Fetch(absl::Time now);
  // Ends a fetch that is under way, and all later ones. From any thread.
  void Cancel();

  // How often the keys are worth looking at: a file costs little.
  absl::Duration Interval() const;

 private:
  // Learns where the keys are from the provider's metadata.
  absl::Status Discover(absl::Time now);
  absl::StatusOr<std::string> Get(const std::string& url, absl::string_view what);

  const std::string issuer_;
  const KeySourceOptions options_;
  const std::unique_ptr<HttpClient> http_;
  std::string jwks_url_;  // empty: to be discovered
  absl::Time discovered_ = absl::InfinitePast();
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_OIDC_KEY_FETCHER_H_
