#include "gateway/upstream/credentials/token_endpoint.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"

namespace sallyport::gateway {
namespace {

using recorder::SecretText;
using recorder::View;

constexpr size_t kMostAnswerBytes = 64 << 10;
// A token is fetched again when this part of its life is over, and not shown in the last moments, in which it could
// expire on its way.
constexpr double kDuePart = 0.8;
constexpr double kLastPart = 0.1;
constexpr absl::Duration kLastMoments = absl::Seconds(5);

void AppendEncoded(std::string_view text, std::string& out) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '*' || c == '-' || c == '.' || c == '_') {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
}

// RFC 6749, 2.3.1: both are form-encoded, and then together in base64.
SecretText BasicAuthorization(std::string_view id, std::string_view secret) {
  std::string pair;
  pair.reserve(3 * (id.size() + secret.size()) + 1);
  AppendEncoded(id, pair);
  pair += ':';
  AppendEncoded(secret, pair);
  const SecretText plain(std::move(pair));
  return SecretText(absl::StrCat("Basic ", View(recorder::ToBase64(plain.view()).view())));
}

}  // namespace

SecretText EncodeForm(const FormFields& fields) {
  size_t most = 0;
  for (const auto& [name, value] : fields) most += 3 * (name.size() + value.size()) + 2;
  std::string form;
  // In one piece, so that growing leaves no part of it behind.
  form.reserve(most);
  for (const auto& [name, value] : fields) {
    if (!form.empty()) form += '&';
    AppendEncoded(name, form);
    form += '=';
    AppendEncoded(value, form);
  }
  return SecretText(std::move(form));
}

TokenEndpoint::TokenEndpoint(TokenEndpointOptions options, std::vector<std::unique_ptr<HttpClient>> clients)
    : options_(std::move(options)), clients_(std::move(clients)) {
  for (const std::unique_ptr<HttpClient>& client : clients_) free_.push_back(client.get());
  if (options_.client_secret.has_value()) secret_reader_.emplace(*options_.client_secret, SecretUse::kClientSecret);
}

absl::StatusOr<std::unique_ptr<TokenEndpoint>> TokenEndpoint::Create(const TokenEndpointOptions& options,
                                                                     size_t connections) {
  HttpClient::Options http;
  http.ca_pem = options.ca_pem;
  http.timeout = options.timeout;
  http.most_response_bytes = kMostAnswerBytes;
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (size_t i = 0; i < connections; ++i) {
    absl::StatusOr<std::unique_ptr<HttpClient>> client = HttpClient::Create(http);
    if (!client.ok()) return client.status();
    clients.push_back(*std::move(client));
  }
  return std::make_unique<TokenEndpoint>(options, std::move(clients));
}

absl::StatusOr<RefreshedSecret::Fetched> TokenEndpoint::Ask(FormFields fields, TokenGrant grant,
                                                            std::string_view prefix, absl::Time now) {
  absl::StatusOr<SharedSecret> client_secret = ReadClientSecret(now);
  if (!client_secret.ok()) return client_secret.status();
  absl::StatusOr<HttpResponse> response = Send(std::move(fields), *client_secret);
  if (!response.ok()) return Failure(absl::StatusCode::kUnavailable, response.status().message());
  const SecretText body(std::move(response->body));
  if (response->status != 200) {
    return Refusal(response->status, TokenErrorOf(body.view()), grant);
  }
  absl::StatusOr<TokenAnswer> answer = ParseTokenAnswer(body.view(), grant);
  if (!answer.ok()) return Failure(answer.status().code(), answer.status().message());
  std::string shown;
  shown.reserve(prefix.size() + answer->access_token.view().size());
  shown.append(prefix).append(answer->access_token.view());
  const absl::Duration lifetime = answer->lifetime.value_or(options_.lifetime);
  const absl::Duration last = std::min(kLastMoments, lifetime * kLastPart);
  return RefreshedSecret::Fetched{std::make_shared<const SecretText>(std::move(shown)), now + lifetime * kDuePart,
                                  now + lifetime - last};
}

absl::StatusOr<SharedSecret> TokenEndpoint::ReadClientSecret(absl::Time now) {
  absl::MutexLock lock(&secret_mutex_);
  if (!secret_reader_.has_value()) return SharedSecret();
  if (secret_ != nullptr && now < secret_due_) return secret_;
  absl::StatusOr<SharedSecret> secret = secret_reader_->Read(secret_, now);
  if (!secret.ok()) return Failure(absl::StatusCode::kUnavailable, secret.status().message());
  secret_ = *secret;
  secret_due_ = secret_reader_->DueAfter(now);
  return secret_;
}

absl::StatusOr<HttpResponse> TokenEndpoint::Send(FormFields fields, const SharedSecret& client_secret) {
  HttpRequest request;
  request.method = HttpMethod::kPost;
  request.url = options_.url;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  const std::string_view secret = client_secret == nullptr ? std::string_view() : client_secret->view();
  if (options_.auth == ClientAuth::kPost) {
    fields.emplace_back("client_id", options_.client_id);
    fields.emplace_back("client_secret", secret);
  } else if (options_.auth == ClientAuth::kBasic) {
    request.headers.emplace_back("Authorization", BasicAuthorization(options_.client_id, secret).view());
  }
  request.body = EncodeForm(fields).view();
  HttpClient* client = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](std::vector<HttpClient*>* free) { return !free->empty(); }, &free_));
    client = free_.back();
    free_.pop_back();
  }
  absl::StatusOr<HttpResponse> response = client->Send(request);
  {
    absl::MutexLock lock(&mutex_);
    free_.push_back(client);
  }
  recorder::Wipe(request.body);
  recorder::Wipe(request.headers.back().second);
  return response;
}

absl::Status TokenEndpoint::Refusal(int status, std::string_view error, TokenGrant grant) {
  if (error == "invalid_client") {
    absl::MutexLock lock(&secret_mutex_);
    secret_due_ = absl::InfinitePast();
  }
  // These speak of the caller's token; invalid_client, for one, of the gateway's own.
  const bool of_subject = grant == TokenGrant::kExchange && (error == "invalid_grant" || error == "invalid_request" ||
                                                             error == "invalid_token" || error == "access_denied");
  return Failure(of_subject ? absl::StatusCode::kUnauthenticated : absl::StatusCode::kUnavailable,
                 absl::StrCat("HTTP status ", status, error.empty() ? "" : ", ", View(error)));
}

absl::Status TokenEndpoint::Failure(absl::StatusCode code, absl::string_view what) const {
  const std::string place = PublicPart(options_.url);
  return absl::Status(code, absl::StartsWith(what, place) ? std::string(what) : absl::StrCat(place, ": ", what));
}

void TokenEndpoint::Cancel() {
  for (const std::unique_ptr<HttpClient>& client : clients_) client->Cancel();
}

}  // namespace sallyport::gateway
