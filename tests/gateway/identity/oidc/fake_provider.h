// A provider of tokens' keys without a network: answers HTTP requests as it was told, and counts them.
#ifndef SALLYPORT_TESTS_GATEWAY_IDENTITY_OIDC_FAKE_PROVIDER_H_
#define SALLYPORT_TESTS_GATEWAY_IDENTITY_OIDC_FAKE_PROVIDER_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gateway/http/http_client.h"
#include "gateway/identity/oidc/token_verifier.h"
#include "tests/gateway/identity/jwt/token_maker.h"

namespace sallyport::gateway {

inline constexpr char kDiscoveryUrl[] = "https://idp.example/realms/prod/.well-known/openid-configuration";
inline constexpr char kJwksUrl[] = "https://idp.example/realms/prod/keys";

// Outlives the verifiers that talk to it. Thread-safe.
class FakeProvider {
 public:
  using Answer = std::function<absl::StatusOr<HttpResponse>(const HttpRequest&)>;

  FakeProvider() { Says(kDiscoveryUrl, nlohmann::json{{"issuer", kIssuer}, {"jwks_uri", kJwksUrl}}.dump()); }

  void Answers(const std::string& url, Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_[url] = std::move(answer);
  }
  void Says(const std::string& url, const std::string& body, int status = 200) {
    Answers(url, [=](const HttpRequest&) -> absl::StatusOr<HttpResponse> {
      return HttpResponse{status, "application/json", body};
    });
  }
  void IsAway(const std::string& url) {
    Answers(url, [](const HttpRequest&) -> absl::StatusOr<HttpResponse> {
      return absl::UnavailableError("https://idp.example: Connection refused");
    });
  }
  int asked(const std::string& url) const {
    const std::lock_guard lock(mutex_);
    const auto count = asked_.find(url);
    return count == asked_.end() ? 0 : count->second;
  }
  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  // One in which it is what `now` points to, and URLs lead here.
  TokenVerifier::Environment Environment(const absl::Time* now) {
    TokenVerifier::Environment environment;
    environment.clock = [now] { return *now; };
    environment.http = [this](const HttpClient::Options&) -> absl::StatusOr<std::unique_ptr<HttpClient>> {
      return std::make_unique<Client>(*this);
    };
    return environment;
  }

 private:
  class Client : public HttpClient {
   public:
    explicit Client(FakeProvider& provider) : provider_(provider) {}
    absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override { return provider_.Take(request); }
    void Cancel() override {}

   private:
    FakeProvider& provider_;
  };

  absl::StatusOr<HttpResponse> Take(const HttpRequest& request) {
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      ++asked_[request.url];
      requests_.push_back(request);
      const auto found = answers_.find(request.url);
      if (found == answers_.end()) return HttpResponse{404, "text/plain", "not found"};
      answer = found->second;
    }
    return answer(request);
  }

  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Answer> answers_;
  std::map<std::string, int> asked_;
  std::vector<HttpRequest> requests_;
};

// The issuer kIssuer, whose keys are discovered, with every algorithm taken and groups read from "groups".
inline OidcIssuerOptions IssuerOptions() {
  OidcIssuerOptions options;
  options.rules.issuer = kIssuer;
  options.rules.audiences = {"other-gateway", kAudience};
  for (const char* name : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}) {
    options.rules.algorithms.push_back(*FindAlgorithm(name));
  }
  options.rules.groups = *ClaimPath::Parse("groups");
  options.keys.discovery_url = kDiscoveryUrl;
  return options;
}

inline std::unique_ptr<TokenVerifier> MakeVerifier(OidcIssuerOptions options,
                                                   const TokenVerifier::Environment& environment) {
  std::vector<OidcIssuerOptions> issuers;
  issuers.push_back(std::move(options));
  return TokenVerifier::Create(std::move(issuers), environment).value();
}

}  // namespace sallyport::gateway

#endif  // SALLYPORT_TESTS_GATEWAY_IDENTITY_OIDC_FAKE_PROVIDER_H_
