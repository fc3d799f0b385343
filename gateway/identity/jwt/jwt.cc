#include "gateway/identity/jwt/jwt.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gateway/identity/jwt/strict_json.h"
#include "gateway/identity/jwt/token_fault.h"
#include "gateway/identity/printable_text.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

constexpr size_t kMostKeyIdBytes = 256;
// Where a token names no key: the work that one forged token may cost.
constexpr size_t kMostTried = 4;

absl::StatusOr<json> ParsePart(std::string_view part, absl::string_view what) {
  const std::optional<std::string> text = ParseBase64Url(part);
  if (!text.has_value()) return Refuse(TokenFault::kMalformed, absl::StrCat("the token's ", what, " is no base64url"));
  absl::StatusOr<json> object = ParseStrictObject(*text);
  if (!object.ok()) {
    return Refuse(TokenFault::kMalformed, absl::StrCat("the token's ", what, " ", object.status().message()));
  }
  return object;
}

// A member that must be text, if it is there.
absl::StatusOr<std::optional<std::string>> Text(const json& header, const char* name) {
  const auto member = header.find(name);
  if (member == header.end()) return std::nullopt;
  if (!member->is_string()) {
    return Refuse(TokenFault::kHeader, absl::StrCat("the token's header has a ", name, " that is no text"));
  }
  return member->get<std::string>();
}

absl::Status ReadHeader(const json& header, ParsedToken& token) {
  for (const char* name : {"jwk", "jku", "x5u", "x5c"}) {
    if (header.contains(name)) {
      return Refuse(TokenFault::kHeader,
                    absl::StrCat("the token's header brings a key of its own (", name, "), which is never taken"));
    }
  }
  // What changes how a token is to be read, and is not read that way here.
  for (const char* name : {"crit", "b64", "zip", "enc", "cty"}) {
    if (header.contains(name)) {
      return Refuse(TokenFault::kHeader, absl::StrCat("the token's header has ", name, ", which is not taken"));
    }
  }
  absl::StatusOr<std::optional<std::string>> algorithm = Text(header, "alg");
  if (!algorithm.ok()) return algorithm.status();
  if (!algorithm->has_value()) return Refuse(TokenFault::kHeader, "the token's header has no alg");
  token.algorithm = **std::move(algorithm);
  absl::StatusOr<std::optional<std::string>> id = Text(header, "kid");
  if (!id.ok()) return id.status();
  token.key_id = *std::move(id);
  if (token.key_id.has_value() && !IsPrintable(*token.key_id, kMostKeyIdBytes)) {
    return Refuse(TokenFault::kHeader, "the token's kid is empty, too long or not printable");
  }
  absl::StatusOr<std::optional<std::string>> type = Text(header, "typ");
  if (!type.ok()) return type.status();
  if (type->has_value()) {
    const std::string lower = absl::AsciiStrToLower(**type);
    token.type = std::string(absl::StripPrefix(lower, "application/"));
    if (token.type.empty()) return Refuse(TokenFault::kHeader, "the token's typ is empty");
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<std::string_view> BearerToken(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view scheme = authorization.substr(0, kScheme.size());
  if (!absl::EqualsIgnoreCase(absl::string_view(scheme.data(), scheme.size()),
                              absl::string_view(kScheme.data(), kScheme.size()))) {
    return std::nullopt;
  }
  authorization.remove_prefix(std::min(authorization.size(), authorization.find_first_not_of(' ', kScheme.size())));
  return authorization;
}

absl::StatusOr<ParsedToken> ParsedToken::Parse(std::string_view text) {
  if (text.size() > kMostBytes) {
    return Refuse(TokenFault::kMalformed, absl::StrCat("the token is longer than ", kMostBytes, " bytes"));
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(absl::string_view(text.data(), text.size()), '.');
  if (parts.size() != 3) {
    return Refuse(TokenFault::kMalformed, "the token is not three parts with dots between them, as a signed JWT is");
  }
  ParsedToken token;
  token.text = text;
  token.signed_part = text.substr(0, parts[0].size() + 1 + parts[1].size());
  absl::StatusOr<json> header = ParsePart({parts[0].data(), parts[0].size()}, "header");
  if (!header.ok()) return header.status();
  if (absl::Status status = ReadHeader(*header, token); !status.ok()) return status;
  std::optional<std::string> signature = ParseBase64Url({parts[2].data(), parts[2].size()});
  if (!signature.has_value()) return Refuse(TokenFault::kMalformed, "the token's signature is no base64url");
  token.signature = *std::move(signature);
  absl::StatusOr<json> claims = ParsePart({parts[1].data(), parts[1].size()}, "payload");
  if (!claims.ok()) return claims.status();
  token.claims = *std::move(claims);
  const auto issuer = token.claims.find("iss");
  if (issuer == token.claims.end() || !issuer->is_string()) {
    return Refuse(TokenFault::kIssuer, "the token names no issuer (iss)");
  }
  token.issuer = issuer->get<std::string>();
  return token;
}

absl::Status CheckSignature(const ParsedToken& token, const KeySet& keys) {
  const std::optional<SignatureAlgorithm> algorithm = FindAlgorithm(token.algorithm);
  if (!algorithm.has_value()) return Refuse(TokenFault::kAlgorithm, "the token's alg is not one that is taken");
  const std::vector<const JsonWebKey*> candidates = keys.Find(token.key_id, *algorithm);
  if (candidates.empty()) {
    if (token.key_id.has_value() && keys.Has(token.key_id)) {
      return Refuse(TokenFault::kAlgorithm, "the token's alg is not one for the key it names");
    }
    return Refuse(TokenFault::kKey, "the token's issuer has no such key as it is signed with");
  }
  if (candidates.size() > kMostTried) {
    return Refuse(TokenFault::kHeader, "the token does not say which of its issuer's keys it is signed with (kid)");
  }
  for (const JsonWebKey* key : candidates) {
    if (key->key.Verify(*algorithm, token.signed_part, token.signature)) return absl::OkStatus();
  }
  return Refuse(TokenFault::kSignature, "the token's signature is wrong");
}

}  // namespace sallyport::gateway
