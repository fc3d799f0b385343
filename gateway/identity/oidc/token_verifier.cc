#include "gateway/identity/oidc/token_verifier.h"

#include <utility>

#include "gateway/identity/jwt/jwt.h"
#include "gateway/identity/jwt/token_fault.h"

namespace sallyport::gateway {
namespace {

// Calls wait for these, so they are shorter than HttpClient's own.
constexpr absl::Duration kConnectTimeout = absl::Seconds(3);
constexpr absl::Duration kTimeout = absl::Seconds(5);
// Questions to one API server at a time.
constexpr int kReviewThreads = 4;

HttpClient::Options HttpOptions(const std::string& ca_pem) {
  HttpClient::Options options;
  options.ca_pem = ca_pem;
  options.connect_timeout = kConnectTimeout;
  options.timeout = kTimeout;
  options.most_response_bytes = KeySet::kMostBytes;
  return options;
}

absl::StatusOr<std::unique_ptr<OidcIssuer>> MakeIssuer(OidcIssuerOptions options,
                                                       const TokenVerifier::Environment& environment,
                                                       TokenCache& cache) {
  std::unique_ptr<HttpClient> http;
  if (options.keys.jwks_file.empty()) {
    absl::StatusOr<std::unique_ptr<HttpClient>> made = environment.http(HttpOptions(options.keys.ca_pem));
    if (!made.ok()) return made.status();
    http = *std::move(made);
  }
  std::unique_ptr<TokenReviewer> reviewer;
  if (options.review.has_value()) {
    std::vector<std::unique_ptr<HttpClient>> clients;
    for (int i = 0; i < kReviewThreads; ++i) {
      absl::StatusOr<std::unique_ptr<HttpClient>> made = environment.http(HttpOptions(options.review->ca_pem));
      if (!made.ok()) return made.status();
      clients.push_back(*std::move(made));
    }
    reviewer = std::make_unique<TokenReviewer>(*options.review, options.rules.audiences, std::move(clients));
  }
  auto fetcher = std::make_unique<KeyFetcher>(options.rules.issuer, options.keys, std::move(http));
  return std::make_unique<OidcIssuer>(std::move(options), std::move(fetcher), std::move(reviewer), cache,
                                      environment.clock);
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenVerifier>> TokenVerifier::Create(std::vector<OidcIssuerOptions> issuers,
                                                                     const Environment& environment) {
  std::unique_ptr<TokenVerifier> verifier(new TokenVerifier(environment.most_cached));
  for (OidcIssuerOptions& options : issuers) {
    absl::StatusOr<std::unique_ptr<OidcIssuer>> issuer = MakeIssuer(std::move(options), environment, verifier->cache_);
    if (!issuer.ok()) return issuer.status();
    const std::string name = (*issuer)->name();
    verifier->issuers_.emplace(name, *std::move(issuer));
  }
  return verifier;
}

TokenVerifier::~TokenVerifier() {
  for (auto& [name, issuer] : issuers_) issuer->Stop();
}

void TokenVerifier::Start() {
  for (auto& [name, issuer] : issuers_) issuer->Start();
}

void TokenVerifier::DoWhatIsDue() {
  for (auto& [name, issuer] : issuers_) issuer->DoWhatIsDue();
}

std::optional<ProofResult> TokenVerifier::Recall(std::string_view token, absl::Time now) {
  if (token.size() > ParsedToken::kMostBytes) return std::nullopt;
  return cache_.Find(TokenCache::KeyOf(token), now);
}

std::optional<ProofResult> TokenVerifier::Find(std::string_view token, absl::Time now, Done* done) {
  if (token.size() > ParsedToken::kMostBytes) return ParsedToken::Parse(token).status();
  const TokenCache::Key id = TokenCache::KeyOf(token);
  if (std::optional<ProofResult> known = cache_.Find(id, now)) return known;
  const absl::StatusOr<ParsedToken> parsed = ParsedToken::Parse(token);
  if (!parsed.ok()) return parsed.status();
  const auto issuer = issuers_.find(parsed->issuer);
  if (issuer == issuers_.end()) {
    return Refuse(TokenFault::kIssuer, "the token's issuer is not one that is trusted");
  }
  return issuer->second->Verify(*parsed, id, now, done);
}

}  // namespace sallyport::gateway
