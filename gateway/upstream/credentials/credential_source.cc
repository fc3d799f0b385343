#include "gateway/upstream/credentials/credential_source.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway/upstream/credentials/caller_secrets.h"
#include "gateway/upstream/credentials/secret_reader.h"
#include "gateway/upstream/credentials/secret_refresher.h"
#include "gateway/upstream/credentials/token_endpoint.h"
#include "gateway/upstream/credentials/token_signer.h"
#include "recorder/crypto/crypto.h"
#include "recorder/crypto/text.h"

namespace sallyport::gateway {
namespace {

using recorder::SecretText;
using recorder::View;
using Fetched = RefreshedSecret::Fetched;
using WhenDue = RefreshRules::WhenDue;

constexpr char kExchangeGrant[] = "urn:ietf:params:oauth:grant-type:token-exchange";
constexpr size_t kSignedCallers = 10'000;
constexpr absl::Duration kLastMoments = absl::Seconds(5);

// A secret from a file, the environment or a command.
class StaticSource final : public CredentialSource {
 public:
  StaticSource(const SecretOptions& options, const std::string& prefix, const SourceContext& context)
      : reader_(options, SecretUse::kMetadata, prefix),
        kit_(std::make_unique<SecretRefresher>(
            context, options.kind == SecretOptions::Kind::kFile ? WhenDue::kWait : WhenDue::kServe, 1)),
        secret_(kit_->NewSecret()) {}
  ~StaticSource() override { kit_.reset(); }

  std::optional<absl::StatusOr<Credential>> Get(const CallerView&, absl::Time now, Done done) override {
    return AskFor(
        secret_, now,
        [this, now]() -> RefreshedSecret::Fetch {
          return [this, now](const SharedSecret& current) { return Read(current, now); };
        },
        std::move(done));
  }
  std::optional<RefreshedSecret::State> State() const override { return secret_->state(); }

 private:
  // One at a time, so the reader needs no lock.
  absl::StatusOr<Fetched> Read(const SharedSecret& current, absl::Time now) {
    absl::StatusOr<SharedSecret> secret = reader_.Read(current, now);
    if (!secret.ok()) return secret.status();
    return Fetched{*std::move(secret), reader_.DueAfter(now), reader_.ExpiresAfter(now)};
  }

  SecretReader reader_;
  std::unique_ptr<SecretRefresher> kit_;
  const std::shared_ptr<RefreshedSecret> secret_;
};

class ClientCredentialsSource final : public CredentialSource {
 public:
  ClientCredentialsSource(const ClientCredentialsOptions& options, const std::string& prefix,
                          std::unique_ptr<TokenEndpoint> endpoint, const SourceContext& context)
      : options_(options),
        prefix_(prefix),
        endpoint_(std::move(endpoint)),
        kit_(std::make_unique<SecretRefresher>(context, WhenDue::kServe, 1, [this] { endpoint_->Cancel(); })),
        secret_(kit_->NewSecret()) {}
  ~ClientCredentialsSource() override { kit_.reset(); }

  std::optional<absl::StatusOr<Credential>> Get(const CallerView&, absl::Time now, Done done) override {
    return AskFor(
        secret_, now,
        [this, now]() -> RefreshedSecret::Fetch { return [this, now](const SharedSecret&) { return Ask(now); }; },
        std::move(done));
  }
  std::optional<RefreshedSecret::State> State() const override { return secret_->state(); }

 private:
  absl::StatusOr<Fetched> Ask(absl::Time now) {
    FormFields fields = {{"grant_type", "client_credentials"}};
    if (!options_.scope.empty()) fields.emplace_back("scope", options_.scope);
    if (!options_.audience.empty()) fields.emplace_back("audience", options_.audience);
    return endpoint_->Ask(std::move(fields), TokenGrant::kClientCredentials, prefix_, now);
  }

  const ClientCredentialsOptions options_;
  const std::string prefix_;
  const std::unique_ptr<TokenEndpoint> endpoint_;
  std::unique_ptr<SecretRefresher> kit_;
  const std::shared_ptr<RefreshedSecret> secret_;
};

class TokenExchangeSource final : public CredentialSource {
 public:
  TokenExchangeSource(const TokenExchangeOptions& options, const std::string& prefix,
                      std::unique_ptr<TokenEndpoint> endpoint, const SourceContext& context)
      : options_(options),
        prefix_(prefix),
        endpoint_(std::move(endpoint)),
        kit_(std::make_unique<SecretRefresher>(context, WhenDue::kServe, options.connections,
                                               [this] { endpoint_->Cancel(); })),
        secrets_(options.cache) {}
  ~TokenExchangeSource() override { kit_.reset(); }

  std::optional<absl::StatusOr<Credential>> Get(const CallerView& caller, absl::Time now, Done done) override {
    if (caller.bearer_token.empty()) {
      return absl::UnauthenticatedError("calls to this upstream need a bearer token, and this one has none");
    }
    const recorder::Hash key = recorder::Sha256({caller.bearer_token});
    return AskFor(
        secrets_.Find(recorder::AsText(key), [this] { return kit_->NewSecret(); }), now,
        [&]() -> RefreshedSecret::Fetch {
          return [this, now, token = SecretText(std::string(caller.bearer_token))](const SharedSecret&) {
            return Exchange(token.view(), now);
          };
        },
        std::move(done));
  }

 private:
  absl::StatusOr<Fetched> Exchange(std::string_view token, absl::Time now) {
    FormFields fields = {
        {"grant_type", kExchangeGrant}, {"subject_token", token}, {"subject_token_type", options_.subject_token_type}};
    if (!options_.requested_token_type.empty()) {
      fields.emplace_back("requested_token_type", options_.requested_token_type);
    }
    if (!options_.scope.empty()) fields.emplace_back("scope", options_.scope);
    for (const std::string& audience : options_.audiences) fields.emplace_back("audience", audience);
    for (const std::string& resource : options_.resources) fields.emplace_back("resource", resource);
    return endpoint_->Ask(std::move(fields), TokenGrant::kExchange, prefix_, now);
  }

  const TokenExchangeOptions options_;
  const std::string prefix_;
  const std::unique_ptr<TokenEndpoint> endpoint_;
  std::unique_ptr<SecretRefresher> kit_;
  CallerSecrets secrets_;
};

std::string_view ProofName(ProofKind proof) {
  switch (proof) {
    case ProofKind::kJwt:
      return "jwt";
    case ProofKind::kMtls:
      return "mtls";
    case ProofKind::kApiKey:
      return "api_key";
    case ProofKind::kLocal:
      return "local";
    case ProofKind::kNone:
      break;
  }
  return "none";
}

class SignedTokenSource final : public CredentialSource {
 public:
  SignedTokenSource(const SignedTokenOptions& options, const std::string& prefix, TokenSigner& signer,
                    const SourceContext& context)
      : options_(options),
        prefix_(prefix),
        signer_(signer),
        kit_(std::make_unique<SecretRefresher>(context, WhenDue::kServe, 1)),
        secrets_(kSignedCallers) {}
  ~SignedTokenSource() override { kit_.reset(); }

  std::optional<absl::StatusOr<Credential>> Get(const CallerView& caller, absl::Time now, Done done) override {
    return AskFor(
        secrets_.Find(KeyOf(caller), [this] { return kit_->NewSecret(); }), now,
        [&]() -> RefreshedSecret::Fetch {
          TokenSubject subject{std::string(caller.issuer),
                               std::string(caller.subject),
                               {caller.groups.begin(), caller.groups.end()},
                               std::string(ProofName(caller.proof)),
                               caller.expires};
          return [this, now, subject = std::move(subject)](const SharedSecret&) { return Sign(subject, now); };
        },
        std::move(done));
  }

 private:
  // What the token says of the caller, each part behind its length.
  static std::string KeyOf(const CallerView& caller) {
    std::string key = absl::StrCat(static_cast<int>(caller.proof));
    const auto add = [&key](std::string_view part) { absl::StrAppend(&key, " ", part.size(), " ", View(part)); };
    add(caller.issuer);
    add(caller.subject);
    for (const std::string& group : caller.groups) add(group);
    return key;
  }

  absl::StatusOr<Fetched> Sign(const TokenSubject& subject, absl::Time now) {
    absl::StatusOr<TokenSigner::Token> token = signer_.Sign(options_, subject, now);
    if (!token.ok()) return token.status();
    auto shown = std::make_shared<const SecretText>(absl::StrCat(prefix_, token->text));
    recorder::Wipe(token->text);
    const absl::Duration life = token->expires - now;
    return Fetched{std::move(shown), now + life / 2, token->expires - std::min(kLastMoments, life / 10)};
  }

  const SignedTokenOptions options_;
  const std::string prefix_;
  TokenSigner& signer_;
  std::unique_ptr<SecretRefresher> kit_;
  CallerSecrets secrets_;
};

}  // namespace

std::unique_ptr<CredentialSource> MakeStaticSource(const SecretOptions& options, const std::string& prefix,
                                                   const SourceContext& context) {
  return std::make_unique<StaticSource>(options, prefix, context);
}

std::unique_ptr<CredentialSource> MakeClientCredentialsSource(const ClientCredentialsOptions& options,
                                                              const std::string& prefix,
                                                              std::unique_ptr<TokenEndpoint> endpoint,
                                                              const SourceContext& context) {
  return std::make_unique<ClientCredentialsSource>(options, prefix, std::move(endpoint), context);
}

std::unique_ptr<CredentialSource> MakeTokenExchangeSource(const TokenExchangeOptions& options,
                                                          const std::string& prefix,
                                                          std::unique_ptr<TokenEndpoint> endpoint,
                                                          const SourceContext& context) {
  return std::make_unique<TokenExchangeSource>(options, prefix, std::move(endpoint), context);
}

std::unique_ptr<CredentialSource> MakeSignedTokenSource(const SignedTokenOptions& options, const std::string& prefix,
                                                        TokenSigner& signer, const SourceContext& context) {
  return std::make_unique<SignedTokenSource>(options, prefix, signer, context);
}

}  // namespace sallyport::gateway
