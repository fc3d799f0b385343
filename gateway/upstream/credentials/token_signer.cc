#include "gateway/upstream/credentials/token_signer.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "recorder/crypto/crypto.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kMostPemBytes = 16 << 10;
constexpr absl::Duration kLookInterval = absl::Seconds(1);
// Clocks differ, and verifiers take a little while.
constexpr absl::Duration kServedLonger = absl::Minutes(1);
constexpr size_t kMostReplaced = 8;
constexpr size_t kIdBytes = 16;

// JSON, or INVALID_ARGUMENT if a text in it is no UTF-8.
absl::StatusOr<std::string> Dump(const nlohmann::json& json) {
  try {
    return json.dump();
  } catch (const nlohmann::json::exception&) {
    return absl::InvalidArgumentError("the caller's identity holds bytes that are no UTF-8, so no token can name it");
  }
}

absl::Status Named(const std::string& path, const absl::Status& status) {
  if (absl::StrContains(status.message(), path)) return status;
  return absl::Status(status.code(), absl::StrCat(path, " ", status.message()));
}

}  // namespace

TokenSigner::TokenSigner(const TokenSigningOptions& options)
    : issuer_(options.issuer), key_path_(options.key_file), key_file_(options.key_file, kMostPemBytes, "signing key") {
  for (const std::string& path : options.also_served_files) {
    also_served_.push_back({WatchedFile(path, kMostPemBytes, "public key"), path, {}});
  }
}

absl::StatusOr<std::unique_ptr<TokenSigner>> TokenSigner::Create(const TokenSigningOptions& options, absl::Time now) {
  std::unique_ptr<TokenSigner> signer(new TokenSigner(options));
  absl::MutexLock lock(&signer->mutex_);
  if (absl::Status status = signer->Load(now); !status.ok()) return status;
  signer->looked_ = now;
  return signer;
}

absl::Status TokenSigner::Load(absl::Time now) {
  absl::Status status = LoadKey(now);
  for (AlsoServed& also : also_served_) {
    absl::StatusOr<std::optional<recorder::SecretText>> pem = also.file.ReadIfChanged(now);
    absl::Status problem = pem.status();
    if (pem.ok() && pem->has_value()) {
      absl::StatusOr<PublishedKey> key = PublishedKeyFromPem((*pem)->view());
      problem = key.status();
      if (key.ok()) also.key = *std::move(key);
    }
    if (!problem.ok()) also.file.Forget();
    if (status.ok() && !problem.ok()) status = Named(also.path, problem);
  }
  return status;
}

absl::Status TokenSigner::LoadKey(absl::Time now) {
  absl::StatusOr<std::optional<recorder::SecretText>> pem = key_file_.ReadIfChanged(now);
  if (!pem.ok()) return Named(key_path_, pem.status());
  if (!pem->has_value()) return absl::OkStatus();
  absl::StatusOr<std::shared_ptr<const JwtSigningKey>> key = JwtSigningKey::FromPem((*pem)->view());
  if (!key.ok()) {
    key_file_.Forget();
    return Named(key_path_, key.status());
  }
  if (key_ != nullptr && key_->published().id != (*key)->published().id) {
    replaced_.push_back({key_->published(), now + kLongestLife + kServedLonger});
    if (replaced_.size() > kMostReplaced) replaced_.pop_front();
    spdlog::info("tokens are signed with another key from now on: {}", (*key)->published().id);
  }
  key_ = *std::move(key);
  return absl::OkStatus();
}

void TokenSigner::LookAgain(absl::Time now) {
  if (now < looked_ + kLookInterval) return;
  looked_ = now;
  while (!replaced_.empty() && replaced_.front().until <= now) replaced_.pop_front();
  const absl::Status status = Load(now);
  const std::string problem(status.message());
  if (problem != last_problem_ && !status.ok()) spdlog::error("token signing goes on with the key it has: {}", problem);
  last_problem_ = problem;
}

absl::StatusOr<TokenSigner::Token> TokenSigner::Sign(const SignedTokenOptions& options, const TokenSubject& subject,
                                                     absl::Time now) {
  std::shared_ptr<const JwtSigningKey> key;
  {
    absl::MutexLock lock(&mutex_);
    LookAgain(now);
    key = key_;
  }
  std::string id(kIdBytes, '\0');
  if (absl::Status status = recorder::FillRandom(id.data(), id.size()); !status.ok()) return status;
  const int64_t issued = absl::ToUnixSeconds(now);
  const int64_t expires = absl::ToUnixSeconds(std::min(now + options.lifetime, subject.expires));
  nlohmann::json claims;
  for (const auto& [name, text] : options.claims) claims[name] = text;
  for (const auto& [name, number] : options.number_claims) claims[name] = number;
  for (const std::string& name : options.subject_claims) claims[name] = subject.subject;
  claims["iss"] = issuer_;
  claims["sub"] = subject.subject;
  if (options.audiences.size() == 1) {
    claims["aud"] = options.audiences.front();
  } else {
    claims["aud"] = options.audiences;
  }
  claims["iat"] = issued;
  claims["exp"] = expires;
  claims["jti"] = absl::WebSafeBase64Escape(id);
  if (!options.omit_groups) claims["groups"] = subject.groups;
  claims["caller_proof"] = subject.proof;
  if (!subject.issuer.empty()) claims["caller_issuer"] = subject.issuer;
  absl::StatusOr<std::string> text = Dump(claims);
  if (!text.ok()) return text.status();
  absl::StatusOr<std::string> token = key->Sign(*text);
  if (!token.ok()) return token.status();
  if (token->size() > SecretReader::kMostBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the token that names the caller is larger than 8 KiB: it has ",
                                                   subject.groups.size(), " groups, which omit_groups leaves out"));
  }
  return Token{*std::move(token), absl::FromUnixSeconds(expires)};
}

std::string TokenSigner::KeySet(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  LookAgain(now);
  std::vector<const PublishedKey*> keys = {&key_->published()};
  for (const Replaced& replaced : replaced_) keys.push_back(&replaced.key);
  for (const AlsoServed& also : also_served_) keys.push_back(&also.key);
  std::string set = "{\"keys\":[";
  for (size_t i = 0; i < keys.size(); ++i) {
    const bool repeated = std::any_of(keys.begin(), keys.begin() + static_cast<ptrdiff_t>(i),
                                      [&](const PublishedKey* before) { return before->id == keys[i]->id; });
    if (!repeated) absl::StrAppend(&set, i == 0 ? "" : ",", keys[i]->jwk);
  }
  return absl::StrCat(set, "]}");
}

std::string TokenSigner::ProviderMetadata() const {
  nlohmann::json metadata;
  metadata["issuer"] = issuer_;
  metadata["jwks_uri"] = absl::StrCat(absl::StripSuffix(issuer_, "/"), "/.well-known/jwks.json");
  metadata["response_types_supported"] = nlohmann::json::array({"id_token"});
  metadata["subject_types_supported"] = nlohmann::json::array({"public"});
  metadata["id_token_signing_alg_values_supported"] = nlohmann::json::array({"ES256", "EdDSA"});
  return metadata.dump();
}

}  // namespace sallyport::gateway
