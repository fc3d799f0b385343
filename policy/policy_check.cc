#include "policy/policy_check.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/matching/match_cover.h"
#include "policy/method_globs.h"

namespace sallyport::policy {
namespace {

// A text that the glob matches; every glob that covers it matches that text too.
std::string TextOf(std::string_view glob) {
  std::string text;
  for (const char c : glob) {
    if (c != '*') text += c == '?' ? 'x' : c;
  }
  return text.empty() ? "x" : text;
}

std::string TextOf(const std::vector<std::string>& globs) { return globs.empty() ? "x" : TextOf(globs.front()); }

std::string PeerIn(const Network& network) {
  if (network.kind == AddressKind::kUnix) return "unix:";
  const std::string text = FormatNetwork(network);
  const std::string address = text.substr(0, text.find('/'));
  return network.kind == AddressKind::kIpv4 ? absl::StrCat("ipv4:", address, ":1")
                                            : absl::StrCat("ipv6:[", address, "]:1");
}

// A call which every match that covers `match` matches, as far as an index looks. So only those need to be compared.
class SampleCall {
 public:
  explicit SampleCall(const Match& match)
      : subject_(TextOf(match.identities)),
        issuer_(TextOf(match.issuers)),
        groups_{TextOf(match.groups)},
        method_("/" +
                MethodLike(match.methods.empty() ? "*" : match.methods.front())),  // the first slash is not part of it
        upstream_(TextOf(match.upstreams)),
        peer_(match.networks.empty() ? "" : PeerIn(match.networks.front())) {
    // An anonymous caller, who has no subject, only where nobody else will do.
    bool one_of_them = false;
    for (int proof = v1::Proof_ARRAYSIZE - 1; proof >= 0; --proof) {
      const auto known = static_cast<v1::Proof>(proof);
      const bool wanted = (match.proofs & ProofBit(known)) != 0;
      if ((wanted && !one_of_them) || (match.all_proofs & ProofBit(known)) != 0) proofs_.push_back(known);
      one_of_them = one_of_them || wanted;
    }
    if (proofs_.empty()) proofs_.push_back(v1::PROOF_JWT);
    for (const auto* conditions : {&match.metadata, &match.all_metadata}) {
      for (const MetadataCondition& condition : *conditions) {
        metadata_.emplace_back(condition.name, condition.glob.empty() ? "" : TextOf(condition.glob));
      }
    }
  }

  void operator()(MetadataVisitor visit) const {
    for (const auto& [name, value] : metadata_) visit(name, value);
  }

  AccessRequest Request() const {
    AccessRequest request(*this);
    request.proofs = proofs_;
    request.subject = subject_;
    request.issuer = issuer_;
    request.groups = groups_;
    request.method = method_;
    request.upstream = upstream_;
    request.peer = peer_;
    return request;
  }

 private:
  std::vector<v1::Proof> proofs_;
  std::string subject_;
  std::string issuer_;
  std::vector<std::string> groups_;
  std::string method_;
  std::string upstream_;
  std::string peer_;
  std::vector<std::pair<std::string, std::string>> metadata_;
};

// The first rule that decides every call which this one would decide.
std::optional<size_t> CoveringRule(const Policy& policy, size_t rule) {
  const Match& match = policy.rules()[rule].match;
  const SampleCall sample(match);
  const AccessRequest request = sample.Request();
  std::optional<size_t> covering;
  policy.rule_index().ForEachCandidate(RequestFacts(request), rule, [&](size_t earlier) {
    if (policy.rules()[earlier].shadow || !Covers(policy.rules()[earlier].match, match)) return true;
    covering = earlier;
    return false;
  });
  return covering;
}

// Whether it asks for anonymous callers only, and for what they do not have.
bool ContradictsItself(const Match& match) {
  const ProofSet none = ProofBit(v1::PROOF_NONE);
  const bool anonymous_only = match.proofs == none || (match.all_proofs & none) != 0;
  const bool asks_for_identity = !match.identities.empty() || !match.groups.empty() || !match.issuers.empty();
  const bool asks_for_proof = (match.all_proofs & ~none) != 0 || (match.proofs != 0 && (match.proofs & none) == 0);
  return anonymous_only && (asks_for_identity || asks_for_proof);
}

bool NamesAnonymous(const Match& match) {
  return std::find(match.identities.begin(), match.identities.end(), "anonymous") != match.identities.end();
}

// What is odd about what a rule matches, whatever kind of rule it is.
template <typename Rule>
void CheckMatchOf(const Rule& rule, std::vector<PolicyWarning>* warnings) {
  if (ContradictsItself(rule.match)) {
    warnings->push_back({rule.line, rule.name,
                         "no call matches this rule: anonymous callers have no subject, groups, issuer or proof"});
  }
  if (NamesAnonymous(rule.match)) {
    warnings->push_back({rule.line, rule.name,
                         "\"anonymous\" is a subject like any other here: for callers that prove nothing write "
                         "proofs: [none]"});
  }
}

void CheckRecordRule(const Policy& policy, size_t number, std::vector<PolicyWarning>* warnings) {
  const RecordRule& rule = policy.record_rules()[number];
  const SampleCall sample(rule.match);
  const AccessRequest request = sample.Request();
  policy.record_index().ForEachCandidate(RequestFacts(request), number, [&](size_t earlier) {
    const RecordRule& first = policy.record_rules()[earlier];
    if (!Covers(first.match, rule.match)) return true;
    warnings->push_back({rule.line, rule.name,
                         absl::StrCat("no call reaches this rule: \"", first.name, "\" on line ", first.line,
                                      " matches every call that it matches, and comes first")});
    return false;
  });
  CheckMatchOf(rule, warnings);
}

// Whether it says who is meant, be it by what they have shown.
bool AsksForSomebody(const Match& match) {
  return !match.identities.empty() || !match.groups.empty() || !match.issuers.empty() || match.proofs != 0 ||
         match.all_proofs != 0;
}

void CheckRole(const RoleRule& role, std::vector<PolicyWarning>* warnings) {
  const auto warn = [&](std::string text) { warnings->push_back({role.line, role.name, std::move(text)}); };
  const ProofSet none = ProofBit(v1::PROOF_NONE);
  const bool asks_for_identity = !role.match.identities.empty() || !role.match.groups.empty();
  if (ContradictsItself(role.match) || (role.match.all_proofs == none && role.match.proofs != none)) {
    warn(
        "nobody has this role: readers that prove nothing have no subject, groups, issuer or proof, and have roles "
        "only whose proofs name none");
  } else if (role.kind == RoleKind::kCaller && role.match.proofs == none) {
    warn("gives nothing: readers that prove nothing have no calls of their own");
  } else if (role.kind != RoleKind::kCaller && !AsksForSomebody(role.match)) {
    warn(absl::StrCat("makes everybody who proves anything an ", RoleName(role.kind),
                      ": match identities, groups, issuers or proofs"));
  } else if (ShowsCalls(role.kind) && !asks_for_identity && (role.match.proofs & none) != 0) {
    warn("shows calls to whoever comes along, for its proofs name none");
  }
  if (NamesAnonymous(role.match)) {
    warn("\"anonymous\" is a subject like any other here: for readers that prove nothing write proofs: [none]");
  }
}

// That somebody is meant by a mask's readers.
void CheckReaders(const Policy& policy, const MaskRule& mask, std::vector<PolicyWarning>* warnings) {
  if (mask.readers.roles.empty()) return;
  const auto& kinds = mask.readers.roles;
  const bool any = std::any_of(kinds.begin(), kinds.end(), [&](RoleKind kind) {
    // Users of the gateway's own machine are auditors whatever the policy says.
    return kind == RoleKind::kAuditor ||
           (ShowsCalls(kind) && std::any_of(policy.roles().begin(), policy.roles().end(),
                                            [kind](const RoleRule& role) { return role.kind == kind; }));
  });
  if (any) return;
  warnings->push_back(
      {mask.line, mask.name,
       "hides nothing from readers: no role of the policy that shows calls is of a kind that it names"});
}

void CheckRule(const Policy& policy, size_t number, std::vector<PolicyWarning>* warnings) {
  const Rule& rule = policy.rules()[number];
  const auto warn = [&](std::string text) { warnings->push_back({rule.line, rule.name, std::move(text)}); };
  if (const std::optional<size_t> earlier = CoveringRule(policy, number); earlier.has_value()) {
    const Rule& first = policy.rules()[*earlier];
    warn(absl::StrCat("no call reaches this rule: \"", first.name, "\" on line ", first.line,
                      " matches every call that it matches, and comes first"));
  }
  CheckMatchOf(rule, warnings);
}

}  // namespace

std::vector<PolicyWarning> CheckPolicy(const Policy& policy) {
  std::vector<PolicyWarning> warnings;
  const bool allows =
      std::any_of(policy.rules().begin(), policy.rules().end(), [](const Rule& rule) { return rule.allow; });
  if (!allows && !policy.allows_by_default()) {
    warnings.push_back({1, "", "every call is refused: no rule allows anything, and nor does access.default"});
  }
  for (size_t i = 0; i < policy.rules().size(); ++i) CheckRule(policy, i, &warnings);
  for (size_t i = 0; i < policy.record_rules().size(); ++i) CheckRecordRule(policy, i, &warnings);
  for (const RoleRule& role : policy.roles()) CheckRole(role, &warnings);
  for (const MaskRule& mask : policy.masks()) CheckReaders(policy, mask, &warnings);
  std::stable_sort(warnings.begin(), warnings.end(),
                   [](const PolicyWarning& a, const PolicyWarning& b) { return a.line < b.line; });
  return warnings;
}

}  // namespace sallyport::policy
