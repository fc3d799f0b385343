// Asking an OAuth 2.0 token endpoint.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_TOKEN_ENDPOINT_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_TOKEN_ENDPOINT_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/http/http_client.h"
#include "gateway/upstream/credentials/credentials_options.h"
#include "gateway/upstream/credentials/secret_reader.h"
#include "gateway/upstream/credentials/token_answer.h"

namespace sallyport::gateway {

// The fields of a form, names and values.
using FormFields = std::vector<std::pair<std::string_view, std::string_view>>;

// As application/x-www-form-urlencoded (the URL standard's serializer).
recorder::SecretText EncodeForm(const FormFields& fields);

// One endpoint and the gateway's client there. Thread-safe, for as many requests at a time as it has HTTP clients.
class TokenEndpoint {
 public:
  TokenEndpoint(TokenEndpointOptions options, std::vector<std::unique_ptr<HttpClient>> clients);
  // With real HTTP clients. An error says why there can be none.
  static absl::StatusOr<std::unique_ptr<TokenEndpoint>> Create(const TokenEndpointOptions& options, size_t connections);

  // Asks for a token, with `fields` and what shows who the client is. Blocks, up to the timeouts of the secret and of
  // the request. The token's due time and expiry are told from `now`, when asking began. UNAUTHENTICATED if an exchange
  // was refused because of the subject's token (invalid_grant, invalid_request and the like); UNAVAILABLE otherwise,
  // saying what went wrong and repeating neither what was sent nor what came back.
  absl::StatusOr<RefreshedSecret::Fetched> Ask(FormFields fields, TokenGrant grant, std::string_view prefix,
                                               absl::Time now);

  // Ends requests that are under way, and all later ones, soon.
  void Cancel();

 private:
  absl::StatusOr<SharedSecret> ReadClientSecret(absl::Time now);
  absl::StatusOr<HttpResponse> Send(FormFields fields, const SharedSecret& client_secret);
  absl::Status Refusal(int status, std::string_view error, TokenGrant grant);
  absl::Status Failure(absl::StatusCode code, absl::string_view what) const;

  const TokenEndpointOptions options_;
  const std::vector<std::unique_ptr<HttpClient>> clients_;

  absl::Mutex mutex_;
  std::vector<HttpClient*> free_ ABSL_GUARDED_BY(mutex_);
  absl::Mutex secret_mutex_;
  std::optional<SecretReader> secret_reader_ ABSL_GUARDED_BY(secret_mutex_);
  SharedSecret secret_ ABSL_GUARDED_BY(secret_mutex_);
  absl::Time secret_due_ ABSL_GUARDED_BY(secret_mutex_) = absl::InfinitePast();
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_TOKEN_ENDPOINT_H_
