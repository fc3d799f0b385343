#include "gateway/identity/jwt/claims.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/identity/jwt/token_fault.h"
#include "gateway/identity/printable_text.h"
#include "policy/glob.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

constexpr size_t kMostSubjectBytes = 512;
constexpr size_t kMostGroups = 256;
constexpr size_t kMostGroupBytes = 256;
constexpr size_t kMostAudiences = 64;
constexpr size_t kMostTokenIdBytes = 256;
constexpr double kLastSecond = 253402300799;  // of the year 9999

const json* Find(const json& claims, const char* name) {
  const auto member = claims.find(name);
  return member == claims.end() ? nullptr : &*member;
}

absl::Status CheckHeader(const ParsedToken& token, const TokenRules& rules) {
  const std::optional<SignatureAlgorithm> algorithm = FindAlgorithm(token.algorithm);
  if (!algorithm.has_value() ||
      std::find(rules.algorithms.begin(), rules.algorithms.end(), *algorithm) == rules.algorithms.end()) {
    return Refuse(TokenFault::kAlgorithm, "the token's alg is not one that is taken from its issuer");
  }
  if (std::find(rules.types.begin(), rules.types.end(), token.type) == rules.types.end()) {
    return Refuse(TokenFault::kHeader, "the token's typ is not that of a token for calling with");
  }
  return absl::OkStatus();
}

absl::Status CheckAudience(const json& claims, const TokenRules& rules) {
  const auto ours = [&rules](const json& audience) {
    return std::find(rules.audiences.begin(), rules.audiences.end(), audience.get_ref<const std::string&>()) !=
           rules.audiences.end();
  };
  const auto text = [](const json& audience) { return audience.is_string(); };
  const json* audience = Find(claims, "aud");
  bool found = false;
  if (audience != nullptr && audience->is_string()) {
    found = ours(*audience);
  } else if (audience != nullptr && audience->is_array() && audience->size() <= kMostAudiences &&
             std::all_of(audience->begin(), audience->end(), text)) {
    found = std::any_of(audience->begin(), audience->end(), ours);
  } else {
    return Refuse(TokenFault::kAudience, "the token does not say whom it is for (aud)");
  }
  return found ? absl::OkStatus() : Refuse(TokenFault::kAudience, "the token is for somebody else (aud)");
}

// A NumericDate (RFC 7519 section 2); nothing if the claim is not there.
absl::StatusOr<std::optional<absl::Time>> Date(const json& claims, const char* name) {
  const json* claim = Find(claims, name);
  if (claim == nullptr) return std::nullopt;
  const double seconds = claim->is_number() ? claim->get<double>() : -1;
  if (!(seconds >= 0 && seconds <= kLastSecond)) {
    return Refuse(TokenFault::kClaim, absl::StrCat("the token's ", name, " is no time in seconds since 1970"));
  }
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

// Says when the token expires.
absl::StatusOr<absl::Time> CheckTimes(const json& claims, const TokenRules& rules, absl::Time now) {
  absl::StatusOr<std::optional<absl::Time>> expires = Date(claims, "exp");
  if (!expires.ok()) return expires.status();
  absl::StatusOr<std::optional<absl::Time>> begins = Date(claims, "nbf");
  if (!begins.ok()) return begins.status();
  absl::StatusOr<std::optional<absl::Time>> issued = Date(claims, "iat");
  if (!issued.ok()) return issued.status();
  if (!expires->has_value()) return Refuse(TokenFault::kClaim, "the token does not say when it expires (exp)");
  if (!issued->has_value()) return Refuse(TokenFault::kClaim, "the token does not say when it was issued (iat)");
  if (now >= **expires + rules.skew) return Refuse(TokenFault::kExpired, "the token has expired");
  if (begins->has_value() && now + rules.skew < **begins) {
    return Refuse(TokenFault::kNotYetValid, "the token is not valid yet (nbf)");
  }
  if (now + rules.skew < **issued) return Refuse(TokenFault::kNotYetValid, "the token was issued in the future (iat)");
  if (**expires <= **issued || **expires - **issued > rules.max_lifetime) {
    return Refuse(TokenFault::kLifetime, "the token is valid for longer than tokens may be (exp, iat)");
  }
  return **expires;
}

// Whether a glob matches the claim, or one element of it. Objects, null and fractions have no text to match.
bool Matches(const json& claim, const std::string& glob) {
  if (claim.is_array()) {
    return std::any_of(claim.begin(), claim.end(),
                       [&glob](const json& element) { return !element.is_array() && Matches(element, glob); });
  }
  if (claim.is_string()) return policy::GlobMatches(glob, claim.get_ref<const std::string&>());
  if (claim.is_boolean()) return policy::GlobMatches(glob, claim.get<bool>() ? "true" : "false");
  return claim.is_number_integer() && policy::GlobMatches(glob, claim.dump());
}

absl::Status CheckRequired(const json& claims, const TokenRules& rules) {
  // A token that only the holder of a key may show (RFC 7800) is not one that whoever bears it may.
  if (claims.contains("cnf")) {
    return Refuse(TokenFault::kClaim, "the token is bound to a key (cnf), which cannot be checked here");
  }
  for (const auto& [path, glob] : rules.required) {
    const json* claim = path.Find(claims);
    if (claim == nullptr || !Matches(*claim, glob)) {
      return Refuse(TokenFault::kClaim,
                    absl::StrCat("the token's claim ", path.text(), " is missing or not as required"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadSubject(const json& claims, const TokenRules& rules) {
  const json* subject = rules.subject.has_value() ? rules.subject->Find(claims) : Find(claims, "sub");
  const std::string name = rules.subject.has_value() ? rules.subject->text() : "sub";
  if (subject == nullptr || !subject->is_string()) {
    return Refuse(TokenFault::kClaim, absl::StrCat("the token does not say whom it names (", name, ")"));
  }
  if (!IsPrintable(subject->get_ref<const std::string&>(), kMostSubjectBytes)) {
    return Refuse(TokenFault::kClaim,
                  absl::StrCat("whom the token names (", name, ") is empty, too long or not printable"));
  }
  return subject->get<std::string>();
}

absl::StatusOr<std::vector<std::string>> ReadGroups(const json& claims, const TokenRules& rules) {
  std::vector<std::string> groups;
  if (!rules.groups.has_value()) return groups;
  const json* claim = rules.groups->Find(claims);
  if (claim == nullptr) {
    // OpenID Connect Core section 5.6.2; Entra does it where groups are many. To take them for none would let pass what
    // a rule keeps from a group.
    const json* elsewhere = Find(claims, "_claim_names");
    if (elsewhere != nullptr && elsewhere->is_object() && elsewhere->contains(rules.groups->first())) {
      return Refuse(TokenFault::kClaim, "the token's groups are not in it (_claim_names), and are not fetched");
    }
    return groups;
  }
  const json list = claim->is_string() ? json::array({*claim}) : *claim;
  if (!list.is_array() || list.size() > kMostGroups) {
    return Refuse(TokenFault::kClaim,
                  absl::StrCat("the token's groups are no list of at most ", kMostGroups, " names"));
  }
  std::set<std::string> seen;
  for (const json& group : list) {
    if (!group.is_string() || !IsPrintable(group.get_ref<const std::string&>(), kMostGroupBytes)) {
      return Refuse(TokenFault::kClaim, "one of the token's groups is empty, too long or not printable");
    }
    if (seen.insert(group.get<std::string>()).second) groups.push_back(group.get<std::string>());
  }
  return groups;
}

absl::StatusOr<std::string> ReadCredential(const ParsedToken& token) {
  const json* id = Find(token.claims, "jti");
  if (id != nullptr && (!id->is_string() || !IsPrintable(id->get_ref<const std::string&>(), kMostTokenIdBytes))) {
    return Refuse(TokenFault::kClaim, "the token's jti is no text, empty, too long or not printable");
  }
  const std::string key = token.key_id.has_value() ? absl::StrCat("kid=", *token.key_id, " ") : "";
  if (id != nullptr) return absl::StrCat(key, "jti=", id->get_ref<const std::string&>());
  return absl::StrCat(key, "iat=", token.claims["iat"].dump());
}

}  // namespace

absl::StatusOr<ProvedIdentity> CheckClaims(const ParsedToken& token, const TokenRules& rules, absl::Time now) {
  if (token.issuer != rules.issuer) return Refuse(TokenFault::kIssuer, "the token's issuer is not one that is trusted");
  if (absl::Status status = CheckHeader(token, rules); !status.ok()) return status;
  if (absl::Status status = CheckAudience(token.claims, rules); !status.ok()) return status;
  absl::StatusOr<absl::Time> expires = CheckTimes(token.claims, rules, now);
  if (!expires.ok()) return expires.status();
  if (absl::Status status = CheckRequired(token.claims, rules); !status.ok()) return status;
  absl::StatusOr<std::string> subject = ReadSubject(token.claims, rules);
  if (!subject.ok()) return subject.status();
  absl::StatusOr<std::vector<std::string>> groups = ReadGroups(token.claims, rules);
  if (!groups.ok()) return groups.status();
  absl::StatusOr<std::string> credential = ReadCredential(token);
  if (!credential.ok()) return credential.status();
  ProvedIdentity identity;
  identity.kind = ProofKind::kJwt;
  identity.issuer = rules.issuer;
  identity.subject = *std::move(subject);
  identity.groups = *std::move(groups);
  identity.credential = *std::move(credential);
  identity.expires = *expires + rules.skew;
  return identity;
}

}  // namespace sallyport::gateway
