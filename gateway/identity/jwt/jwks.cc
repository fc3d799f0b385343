#include "gateway/identity/jwt/jwks.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/identity/jwt/strict_json.h"
#include "gateway/identity/printable_text.h"
#include "recorder/crypto/crypto.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

constexpr size_t kMostIdBytes = 256;

absl::Status Skip(absl::string_view why) { return absl::InvalidArgumentError(why); }

// A member that must be text, if it is there.
absl::StatusOr<std::optional<std::string>> Text(const json& key, const char* name) {
  const auto member = key.find(name);
  if (member == key.end()) return std::nullopt;
  if (!member->is_string()) return Skip(absl::StrCat("its ", name, " is no text"));
  return member->get<std::string>();
}

absl::StatusOr<std::string> Bytes(const json& key, const char* name) {
  absl::StatusOr<std::optional<std::string>> text = Text(key, name);
  if (!text.ok()) return text.status();
  std::optional<std::string> bytes = text->has_value() ? ParseBase64Url(**text) : std::nullopt;
  if (!bytes.has_value()) return Skip(absl::StrCat("its ", name, " is missing or no base64url"));
  return *std::move(bytes);
}

// What RFC 7517 sections 4.2 and 4.3 let it be used for, and RFC 7518 section 6 calls private.
absl::Status CheckUse(const json& key) {
  absl::StatusOr<std::optional<std::string>> use = Text(key, "use");
  if (!use.ok()) return use.status();
  if (use->has_value() && **use != "sig") return Skip("it is not for signatures");
  if (const auto operations = key.find("key_ops"); operations != key.end()) {
    if (!operations->is_array() || std::find(operations->begin(), operations->end(), "verify") == operations->end()) {
      return Skip("it is not for verifying");
    }
  }
  for (const char* secret : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    if (key.contains(secret)) return Skip("its private half is published with it");
  }
  return absl::OkStatus();
}

absl::StatusOr<PublicKey> ParsePublicKey(const json& key) {
  absl::StatusOr<std::optional<std::string>> type = Text(key, "kty");
  if (!type.ok()) return type.status();
  if (*type == "RSA") {
    absl::StatusOr<std::string> modulus = Bytes(key, "n");
    absl::StatusOr<std::string> exponent = Bytes(key, "e");
    if (!modulus.ok()) return modulus.status();
    if (!exponent.ok()) return exponent.status();
    return PublicKey::Rsa(*modulus, *exponent);
  }
  if (*type != "EC" && *type != "OKP") return Skip("its kty is not one of RSA, EC and OKP");
  absl::StatusOr<std::optional<std::string>> name = Text(key, "crv");
  if (!name.ok()) return name.status();
  const std::optional<Curve> curve = FindCurve(name->value_or(""));
  if (!curve.has_value()) return Skip("its crv is not one of P-256, P-384, P-521, Ed25519 and Ed448");
  absl::StatusOr<std::string> x = Bytes(key, "x");
  if (!x.ok()) return x.status();
  if (*type == "OKP") return PublicKey::Edwards(*curve, *x);
  absl::StatusOr<std::string> y = Bytes(key, "y");
  if (!y.ok()) return y.status();
  return PublicKey::EllipticCurve(*curve, *x, *y);
}

absl::StatusOr<JsonWebKey> ParseKey(const json& json) {
  if (!json.is_object()) return Skip("it is no object");
  absl::StatusOr<std::optional<std::string>> id = Text(json, "kid");
  if (!id.ok()) return id.status();
  if (id->has_value() && !IsPrintable(**id, kMostIdBytes)) return Skip("its kid is empty, too long or not printable");
  if (absl::Status status = CheckUse(json); !status.ok()) return status;
  absl::StatusOr<std::optional<std::string>> name = Text(json, "alg");
  if (!name.ok()) return name.status();
  std::optional<SignatureAlgorithm> algorithm;
  if (name->has_value()) {
    algorithm = FindAlgorithm(**name);
    if (!algorithm.has_value()) return Skip("its alg is none that is taken");
  }
  absl::StatusOr<PublicKey> key = ParsePublicKey(json);
  if (!key.ok()) return key.status();
  if (algorithm.has_value() && !key->Fits(*algorithm)) return Skip("its alg is not one for its type");
  return JsonWebKey{*std::move(id), algorithm, *std::move(key)};
}

// How a skipped key is told from others in a log.
std::string NameOf(const json& key, size_t index) {
  std::string name = absl::StrCat("key ", index);
  if (!key.is_object() || !key.contains("kid") || !key["kid"].is_string()) return name;
  const auto& id = key["kid"].get_ref<const std::string&>();
  return IsPrintable(id, kMostIdBytes) ? absl::StrCat(name, " (kid ", id, ")") : name;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const KeySet>> KeySet::Parse(std::string_view text) {
  if (text.size() > kMostBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the key set has more than ", kMostBytes, " bytes"));
  }
  absl::StatusOr<json> document = ParseStrictObject(text);
  if (!document.ok()) return absl::InvalidArgumentError(absl::StrCat("the key set ", document.status().message()));
  const auto keys = document->find("keys");
  if (keys == document->end() || !keys->is_array()) {
    return absl::InvalidArgumentError("the key set has no list named \"keys\"");
  }
  if (keys->size() > kMostKeys) {
    return absl::InvalidArgumentError(absl::StrCat("the key set has more than ", kMostKeys, " keys"));
  }
  std::shared_ptr<KeySet> set(new KeySet());
  for (size_t i = 0; i < keys->size(); ++i) {
    absl::StatusOr<JsonWebKey> key = ParseKey((*keys)[i]);
    if (key.ok()) {
      set->keys_.push_back(*std::move(key));
    } else {
      set->skipped_.push_back(absl::StrCat(NameOf((*keys)[i], i), ": ", key.status().message()));
    }
  }
  if (set->keys_.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the key set has no key that tokens can be verified with",
                     set->skipped_.empty() ? "" : absl::StrCat("; ", set->skipped_.front())));
  }
  set->digest_ = recorder::AsText(recorder::Sha256({text}));
  return set;
}

std::vector<const JsonWebKey*> KeySet::Find(const std::optional<std::string>& id, SignatureAlgorithm algorithm) const {
  std::vector<const JsonWebKey*> found;
  for (const JsonWebKey& key : keys_) {
    if (id.has_value() && key.id != id) continue;
    if (key.algorithm.value_or(algorithm) == algorithm && key.key.Fits(algorithm)) found.push_back(&key);
  }
  return found;
}

bool KeySet::Has(const std::optional<std::string>& id) const {
  return std::any_of(keys_.begin(), keys_.end(), [&id](const JsonWebKey& key) { return key.id == id; });
}

}  // namespace sallyport::gateway
