#include "gateway/identity/oidc/oidc_options.h"

#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "gateway/files/small_file.h"
#include "gateway/http/http_client.h"
#include "gateway/identity/jwt/jwks.h"
#include "gateway/identity/printable_text.h"
#include "protos/quantities.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kMostNameBytes = 512;  // of an issuer or an audience
constexpr size_t kMostCaBytes = 4 << 20;
constexpr char kDefaultSkew[] = "30s";
constexpr char kDefaultLifetime[] = "24h";
constexpr char kDefaultRefresh[] = "15m";
constexpr char kDefaultStale[] = "1h";
constexpr char kDefaultReviewCache[] = "10s";

struct DurationBounds {
  const char* otherwise;  // where none is given
  absl::Duration least;
  absl::Duration most;
};

// Checks one issuer; lives for that long.
class IssuerChecker {
 public:
  IssuerChecker(const v1::OidcIssuer& issuer, std::string key, CheckedOidc& checked)
      : issuer_(issuer), key_(std::move(key)), checked_(checked) {}

  OidcIssuerOptions Check() {
    CheckIssuer();
    CheckAudiences();
    CheckAlgorithms();
    CheckClaims();
    CheckTimes();
    CheckKeys();
    if (issuer_.has_token_review()) CheckReview();
    return std::move(options_);
  }

 private:
  void Fail(absl::string_view name, absl::string_view problem) {
    checked_.problems.push_back({absl::StrCat(key_, ".", name), std::string(problem)});
  }
  void Warn(absl::string_view name, absl::string_view problem) {
    checked_.warnings.push_back({absl::StrCat(key_, ".", name), std::string(problem)});
  }

  absl::Duration Duration(const std::string& name, const std::string& text, const DurationBounds& bounds) {
    absl::StatusOr<absl::Duration> duration = ParseDuration(text.empty() ? bounds.otherwise : text);
    if (!duration.ok()) {
      Fail(name, duration.status().message());
      return bounds.least;
    }
    if (*duration < bounds.least || *duration > bounds.most) {
      Fail(name, absl::StrCat(text, " is not between ", absl::FormatDuration(bounds.least), " and ",
                              absl::FormatDuration(bounds.most)));
    }
    return *duration;
  }

  std::optional<ClaimPath> Path(const std::string& name, const std::string& text) {
    absl::StatusOr<ClaimPath> path = ClaimPath::Parse(text);
    if (path.ok()) return *std::move(path);
    Fail(name, path.status().message());
    return std::nullopt;
  }

  std::string CaFile(const std::string& name, const std::string& path) {
    if (path.empty()) return "";
    absl::StatusOr<std::string> pem = ReadSmallFile(path, kMostCaBytes);
    if (!pem.ok()) {
      Fail(name, pem.status().message());
      return "";
    }
    if (!absl::StrContains(*pem, "-----BEGIN CERTIFICATE-----")) {
      Fail(name, absl::StrCat(path, " has no certificate in PEM (-----BEGIN CERTIFICATE-----)"));
    }
    return *std::move(pem);
  }

  void CheckUrlAt(const std::string& name, const std::string& url) {
    if (absl::Status status = CheckUrl(url); !status.ok()) {
      Fail(name, status.message());
    } else if (IsExposed(url)) {
      Warn(name, "is plain http: who is on the way can put keys of their own in place of the issuer's");
    }
  }

  void CheckIssuer() {
    options_.rules.issuer = issuer_.issuer();
    if (issuer_.issuer().empty()) {
      Fail("issuer", "is missing: the issuer as in the tokens' iss, such as https://idp.example");
    } else if (!IsPrintable(issuer_.issuer(), kMostNameBytes)) {
      Fail("issuer", absl::StrCat("is longer than ", kMostNameBytes, " bytes or not printable"));
    }
  }

  void CheckAudiences() {
    if (issuer_.audiences().empty()) {
      Fail("audiences", "is missing: what the tokens' aud says when they are for this gateway; at least one");
    }
    for (int i = 0; i < issuer_.audiences_size(); ++i) {
      if (!IsPrintable(issuer_.audiences(i), kMostNameBytes)) {
        Fail(absl::StrCat("audiences[", i, "]"),
             absl::StrCat("is empty, longer than ", kMostNameBytes, " bytes or not printable"));
      }
      options_.rules.audiences.push_back(issuer_.audiences(i));
    }
  }

  void CheckAlgorithms() {
    options_.rules.algorithms = {SignatureAlgorithm::kRS256, SignatureAlgorithm::kES256};
    if (!issuer_.algorithms().empty()) options_.rules.algorithms.clear();
    for (int i = 0; i < issuer_.algorithms_size(); ++i) {
      const std::string& name = issuer_.algorithms(i);
      const std::optional<SignatureAlgorithm> algorithm = FindAlgorithm(name);
      if (algorithm.has_value()) {
        options_.rules.algorithms.push_back(*algorithm);
      } else if (name == "none" || absl::StartsWith(name, "HS")) {
        Fail(absl::StrCat("algorithms[", i, "]"),
             absl::StrCat("\"", name, "\" is never taken: anyone who can check such a token could make it"));
      } else {
        Fail(absl::StrCat("algorithms[", i, "]"),
             absl::StrCat("\"", name,
                          "\" is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 "
                          "and EdDSA"));
      }
    }
  }

  void CheckClaims() {
    if (!issuer_.subject_claim().empty()) options_.rules.subject = Path("subject_claim", issuer_.subject_claim());
    if (!issuer_.groups_claim().empty()) options_.rules.groups = Path("groups_claim", issuer_.groups_claim());
    if (!issuer_.types().empty()) options_.rules.types.clear();
    for (const std::string& type : issuer_.types()) {
      const std::string lower = absl::AsciiStrToLower(type);
      options_.rules.types.emplace_back(absl::StripPrefix(lower, "application/"));
    }
    // In the order of their names: the map's own order is random.
    const std::map<std::string, std::string> required(issuer_.required().begin(), issuer_.required().end());
    for (const auto& [claim, glob] : required) {
      std::optional<ClaimPath> path = Path(absl::StrCat("required.", claim), claim);
      if (path.has_value()) options_.rules.required.emplace_back(*std::move(path), glob);
    }
  }

  void CheckTimes() {
    options_.rules.skew = Duration("skew", issuer_.skew(), {kDefaultSkew, absl::ZeroDuration(), absl::Seconds(60)});
    options_.rules.max_lifetime =
        Duration("max_lifetime", issuer_.max_lifetime(), {kDefaultLifetime, absl::Seconds(1), absl::Hours(24 * 366)});
    options_.keys.refresh =
        Duration("refresh", issuer_.refresh(), {kDefaultRefresh, absl::Seconds(30), absl::Hours(24)});
    options_.keys.stale =
        Duration("stale", issuer_.stale(), {kDefaultStale, absl::ZeroDuration(), absl::Hours(24 * 7)});
  }

  void CheckKeys() {
    KeySourceOptions& keys = options_.keys;
    keys.jwks_url = issuer_.jwks_url();
    keys.jwks_file = issuer_.jwks_file();
    if (!keys.jwks_url.empty() && !keys.jwks_file.empty()) {
      Fail("jwks_file", "cannot stand together with jwks_url: the keys come from one place");
    } else if (!keys.jwks_url.empty()) {
      CheckUrlAt("jwks_url", keys.jwks_url);
    } else if (!keys.jwks_file.empty()) {
      absl::StatusOr<std::string> text = ReadSmallFile(keys.jwks_file, KeySet::kMostBytes);
      absl::StatusOr<std::shared_ptr<const KeySet>> set =
          text.ok() ? KeySet::Parse(*text) : absl::StatusOr<std::shared_ptr<const KeySet>>(text.status());
      if (!set.ok()) Fail("jwks_file", set.status().message());
    } else if (!issuer_.issuer().empty()) {
      // OpenID Connect Discovery, section 4.
      keys.discovery_url = absl::StrCat(absl::StripSuffix(issuer_.issuer(), "/"), "/.well-known/openid-configuration");
      const absl::Status status = CheckUrl(issuer_.issuer());
      if (!status.ok() || absl::StrContains(issuer_.issuer(), '?')) {
        Fail("issuer", absl::StrCat(status.ok() ? "is not a URL without a query" : status.message(),
                                    ". So its keys cannot be discovered: mend it, or give jwks_url or jwks_file too"));
      } else {
        CheckUrlAt("issuer", issuer_.issuer());
      }
    }
    keys.ca_pem = CaFile("ca", issuer_.ca());
    CheckTokenFile("token_file", issuer_.token_file(), keys.ca_pem.empty());
    keys.token_file = issuer_.token_file();
    const std::string& url = keys.jwks_url.empty() ? issuer_.issuer() : keys.jwks_url;
    if (!keys.token_file.empty() && (!keys.jwks_file.empty() || IsExposed(url))) {
      Fail("token_file", "is shown over https only");
    }
  }

  void CheckTokenFile(const std::string& name, const std::string& path, bool any_authority) {
    if (path.empty()) return;
    if (absl::StatusOr<std::string> token = ReadTokenFile(path); !token.ok()) Fail(name, token.status().message());
    if (any_authority) Fail(name, "needs ca: the token is shown to nobody but servers whose authority is given");
  }

  void CheckReview() {
    const v1::TokenReview& review = issuer_.token_review();
    TokenReviewOptions options;
    if (absl::Status status = CheckUrl(review.url()); !status.ok()) {
      Fail("token_review.url", review.url().empty()
                                   ? "is missing: the API server, such as https://kubernetes.default.svc"
                                   : status.message());
    } else if (IsExposed(review.url()) || absl::StrContains(review.url(), '?')) {
      Fail("token_review.url", "is not an https URL without a query");
    }
    options.url = std::string(absl::StripSuffix(review.url(), "/"));
    options.ca_pem = CaFile("token_review.ca", review.ca());
    if (review.token_file().empty()) {
      Fail("token_review.token_file", "is missing: the gateway's own token, which may create TokenReviews");
    }
    CheckTokenFile("token_review.token_file", review.token_file(),
                   options.ca_pem.empty() && absl::StartsWith(review.url(), "https:"));
    options.token_file = review.token_file();
    options.cache =
        Duration("token_review.cache", review.cache(), {kDefaultReviewCache, absl::Seconds(1), absl::Minutes(10)});
    if (!issuer_.subject_claim().empty()) {
      Fail("subject_claim", "cannot stand together with token_review, which names callers by sub");
    }
    options_.review = std::move(options);
  }

  const v1::OidcIssuer& issuer_;
  const std::string key_;
  CheckedOidc& checked_;
  OidcIssuerOptions options_;
};

}  // namespace

CheckedOidc CheckOidc(const google::protobuf::RepeatedPtrField<v1::OidcIssuer>& issuers, const std::string& key) {
  CheckedOidc checked;
  std::set<std::string> seen;
  for (int i = 0; i < issuers.size(); ++i) {
    const std::string place = absl::StrCat(key, "[", i, "]");
    checked.issuers.push_back(IssuerChecker(issuers[i], place, checked).Check());
    if (!issuers[i].issuer().empty() && !seen.insert(issuers[i].issuer()).second) {
      checked.problems.push_back(
          {absl::StrCat(place, ".issuer"), "is given twice: name its audiences and the rest in one place"});
    }
  }
  return checked;
}

}  // namespace sallyport::gateway
