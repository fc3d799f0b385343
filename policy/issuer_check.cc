#include "policy/issuer_check.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sallyport::policy {
namespace {

// Certain subjects or groups, and not just somebody.
bool NamesSome(const std::vector<std::string>& globs) {
  return !globs.empty() && std::any_of(globs.begin(), globs.end(), [](const std::string& glob) { return glob != "*"; });
}

// What a match names without saying whose it is; empty: nothing.
const char* Unvouched(const Match& match) {
  if (!match.issuers.empty()) return "";
  if (NamesSome(match.groups)) return "groups";
  if (NamesSome(match.identities)) return "identities";
  for (const Match& except : match.except) {
    if (const char* named = Unvouched(except); *named != '\0') return named;
  }
  return "";
}

class Checker {
 public:
  explicit Checker(const std::vector<std::string>& issuers)
      : text_(absl::StrCat(" without issuers, so whichever of ", absl::StrJoin(issuers, ", "),
                           " has one by that name vouches for it: add issuers")) {}

  template <typename Rules>
  void Check(const Rules& rules) {
    for (const auto& rule : rules) {
      if (const char* named = Unvouched(rule.match); *named != '\0') {
        warnings_.push_back({rule.line, rule.name, absl::StrCat("names ", named, text_)});
      }
    }
  }

  void CheckCredentials(const v1::Config& config) {
    // In the order of their names: the map's own order is random.
    const std::map<std::string, v1::Upstream> upstreams(config.upstreams().begin(), config.upstreams().end());
    for (const auto& [name, upstream] : upstreams) {
      for (int i = 0; i < upstream.credentials().by_group_size(); ++i) {
        if (!upstream.credentials().by_group(i).issuers().empty()) continue;
        warnings_.push_back(
            {0, "", absl::StrCat("upstreams.", name, ".credentials.by_group[", i, "] names groups", text_)});
      }
    }
  }

  std::vector<PolicyWarning> Finish() && { return std::move(warnings_); }

 private:
  const std::string text_;
  std::vector<PolicyWarning> warnings_;
};

}  // namespace

std::vector<std::string> IssuersOf(const v1::Config& config) {
  std::vector<std::string> issuers;
  const v1::IdentityConfig& identity = config.identity();
  for (const v1::OidcIssuer& issuer : identity.oidc()) issuers.push_back(issuer.issuer());
  for (const v1::TrustDomain& domain : identity.mtls().trust_domains()) {
    issuers.push_back(absl::StrCat("spiffe://", domain.name()));
  }
  if (!identity.mtls().ca().empty() || !config.listen().tls().client_ca().empty()) {
    issuers.push_back("the authorities of certificates");
  }
  if (identity.has_api_keys()) issuers.push_back("api-keys");
  return issuers;
}

std::vector<PolicyWarning> CheckIssuers(const v1::Config& config, const Policy* policy) {
  const std::vector<std::string> issuers = IssuersOf(config);
  if (issuers.size() < 2) return {};
  Checker checker(issuers);
  if (policy != nullptr) {
    checker.Check(policy->rules());
    checker.Check(policy->limits());
    checker.Check(policy->record_rules());
    checker.Check(policy->masks());
    checker.Check(policy->content_rules());
    checker.Check(policy->roles());
  }
  checker.CheckCredentials(config);
  return std::move(checker).Finish();
}

}  // namespace sallyport::policy
