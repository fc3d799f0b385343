#include "gateway/identity/authenticator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/identity/jwt/jwt.h"

namespace sallyport::gateway {
namespace {

// How long after a file has changed it is noticed, at most.
constexpr absl::Duration kFilesInterval = absl::Milliseconds(500);

}  // namespace

absl::Time Caller::expires() const {
  absl::Time first = absl::InfiniteFuture();
  for (const std::shared_ptr<const ProvedIdentity>& proof : proofs) first = std::min(first, proof->expires);
  return first;
}

absl::StatusOr<std::unique_ptr<Authenticator>> Authenticator::Create(const IdentityOptions& options) {
  std::unique_ptr<Authenticator> made(new Authenticator);
  made->anonymous_ = options.anonymous;
  made->precedence_ = options.precedence;
  std::vector<WatchedFiles> files;
  if (!options.api_keys_file.empty()) {
    absl::StatusOr<std::unique_ptr<ApiKeys>> keys = ApiKeys::Create(options.api_keys_file);
    if (!keys.ok()) return keys.status();
    made->api_keys_ = *std::move(keys);
    files.emplace_back("identity.api_keys", std::vector<std::string>{made->api_keys_->file()},
                       [keys = made->api_keys_.get()] { return keys->Reload(); });
  }
  if (options.mtls.has_value()) {
    absl::StatusOr<std::unique_ptr<MtlsVerifier>> mtls = MtlsVerifier::Create(*options.mtls);
    if (!mtls.ok()) return mtls.status();
    made->mtls_ = *std::move(mtls);
    files.emplace_back("identity.mtls", made->mtls_->Files(), [mtls = made->mtls_.get()] { return mtls->Reload(); });
  }
  if (!options.issuers.empty()) {
    absl::StatusOr<std::unique_ptr<TokenVerifier>> tokens = TokenVerifier::Create(options.issuers);
    if (!tokens.ok()) return tokens.status();
    made->tokens_ = *std::move(tokens);
    made->tokens_->Start();
  }
  if (!files.empty()) made->watcher_ = std::make_unique<FileWatcher>(std::move(files), kFilesInterval);
  return made;
}

std::optional<Authenticator::Result> Authenticator::Authenticate(const ShownProofs& shown, absl::Time now, Done done) {
  return Find(shown, now, &done);
}

std::optional<Authenticator::Result> Authenticator::AuthenticateNow(const ShownProofs& shown, absl::Time now) {
  return Find(shown, now, nullptr);
}

std::optional<Authenticator::Result> Authenticator::Find(const ShownProofs& shown, absl::Time now, Done* done) {
  std::shared_ptr<const ProvedIdentity> certificate;
  if (mtls_ != nullptr && !shown.certificates.leaf.empty()) {
    ProofResult proof = mtls_->Verify(shown.certificates, now);
    if (!proof.ok()) return proof.status();
    certificate = *std::move(proof);
  }
  if (!shown.authorization.has_value() || !takes_bearer()) return Together(certificate, std::nullopt);
  const std::optional<std::string_view> token = BearerToken(*shown.authorization);
  if (!token.has_value()) {
    return absl::UnauthenticatedError("the authorization is not of the form \"Bearer <token>\"");
  }
  if (api_keys_ != nullptr && ApiKeys::Claims(*token)) {
    return Together(certificate, api_keys_->Verify(*token, now));
  }
  if (tokens_ == nullptr) {
    return absl::UnauthenticatedError("the bearer token is no API key of this gateway, and it takes no others");
  }
  std::optional<ProofResult> proof = tokens_->VerifyNow(*token, now);
  if (!proof.has_value() && done != nullptr) {
    proof = tokens_->Verify(*token, now, [this, certificate, done = std::move(*done)](ProofResult result) mutable {
      done(Together(certificate, std::move(result)));
    });
  }
  if (!proof.has_value()) return std::nullopt;
  return Together(certificate, *std::move(proof));
}

std::optional<Caller> Authenticator::Recall(const ShownProofs& shown, absl::Time now) {
  std::shared_ptr<const ProvedIdentity> certificate;
  if (mtls_ != nullptr && !shown.certificates.leaf.empty()) {
    certificate = mtls_->Recall(shown.certificates, now);
    if (certificate == nullptr) return std::nullopt;
  }
  std::optional<ProofResult> bearer;
  if (shown.authorization.has_value() && takes_bearer()) {
    const std::optional<std::string_view> token = BearerToken(*shown.authorization);
    if (!token.has_value()) return std::nullopt;
    if (api_keys_ != nullptr && ApiKeys::Claims(*token)) {
      bearer = api_keys_->Verify(*token, now);
    } else if (tokens_ != nullptr) {
      bearer = tokens_->Recall(*token, now);
    }
    if (!bearer.has_value() || !bearer->ok()) return std::nullopt;
  }
  Result caller = Together(std::move(certificate), std::move(bearer));
  if (!caller.ok()) return std::nullopt;
  return *std::move(caller);
}

Authenticator::Result Authenticator::Together(std::shared_ptr<const ProvedIdentity> certificate,
                                              std::optional<ProofResult> bearer) const {
  Caller caller;
  if (bearer.has_value()) {
    if (!bearer->ok()) return bearer->status();
    caller.proofs.push_back(**std::move(bearer));
  }
  if (certificate != nullptr) caller.proofs.push_back(std::move(certificate));
  if (caller.proofs.size() == 2 && RankOf(caller.proofs[1]->kind) < RankOf(caller.proofs[0]->kind)) {
    std::swap(caller.proofs[0], caller.proofs[1]);
  }
  if (!caller.anonymous()) return caller;
  if (anonymous_) return caller;
  return absl::UnauthenticatedError(absl::StrCat("the caller has to prove who it is: ", WaysIn()));
}

int Authenticator::RankOf(ProofKind kind) const {
  const auto found = std::find(precedence_.begin(), precedence_.end(), kind);
  if (found != precedence_.end()) return static_cast<int>(found - precedence_.begin());
  return static_cast<int>(precedence_.size()) + static_cast<int>(kind);
}

const char* Authenticator::WaysIn() const {
  if (takes_bearer() && takes_certificates()) {
    return "send \"authorization: Bearer <token>\", or connect with a client certificate";
  }
  if (takes_bearer()) return "send \"authorization: Bearer <token>\"";
  if (takes_certificates()) return "connect with a client certificate";
  return "but the gateway is not configured to take any proof";
}

}  // namespace sallyport::gateway
