#include "policy/matching/match.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "policy/glob.h"
#include "policy/text.h"

namespace sallyport::policy {
namespace {

// What is not there matches nothing.
bool AnyGlobMatches(const std::vector<std::string>& globs, std::string_view text) {
  return !text.empty() &&
         std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) { return GlobMatches(glob, text); });
}

bool AnyGroupMatches(const std::vector<std::string>& globs, absl::Span<const std::string> groups) {
  return std::any_of(groups.begin(), groups.end(),
                     [&](const std::string& group) { return AnyGlobMatches(globs, group); });
}

bool OneValueMatches(const MetadataCondition& condition, const AccessRequest& request) {
  bool matches = false;
  request.metadata([&](std::string_view name, std::string_view value) {
    if (name == condition.name && GlobMatches(condition.glob, value)) matches = true;
  });
  return matches;
}

bool AllValuesMatch(const MetadataCondition& condition, const AccessRequest& request) {
  bool there = false;
  bool others = false;
  request.metadata([&](std::string_view name, std::string_view value) {
    if (name != condition.name) return;
    there = true;
    if (!GlobMatches(condition.glob, value)) others = true;
  });
  return there && !others;
}

bool HoldsIdentities(const Match& match, const RequestFacts& facts) {
  return match.identities.empty() || AnyGlobMatches(match.identities, facts.subject());
}

bool HoldsGroups(const Match& match, const RequestFacts& facts) {
  return match.groups.empty() || AnyGroupMatches(match.groups, facts.groups());
}

bool HoldsIssuers(const Match& match, const RequestFacts& facts) {
  return match.issuers.empty() || AnyGlobMatches(match.issuers, facts.issuer());
}

bool HoldsProofs(const Match& match, const RequestFacts& facts) {
  return match.proofs == 0 || (match.proofs & facts.proofs()) != 0;
}

bool HoldsAllProofs(const Match& match, const RequestFacts& facts) { return (match.all_proofs & ~facts.proofs()) == 0; }

bool HoldsMethods(const Match& match, const RequestFacts& facts) {
  return match.methods.empty() || AnyGlobMatches(match.methods, facts.method());
}

bool HoldsUpstreams(const Match& match, const RequestFacts& facts) {
  return match.upstreams.empty() || AnyGlobMatches(match.upstreams, facts.request().upstream);
}

bool OneValueMatchesEach(absl::Span<const MetadataCondition> conditions, const RequestFacts& facts) {
  return std::all_of(conditions.begin(), conditions.end(),
                     [&](const MetadataCondition& condition) { return OneValueMatches(condition, facts.request()); });
}

bool HoldsMetadata(const Match& match, const RequestFacts& facts) { return OneValueMatchesEach(match.metadata, facts); }

bool HoldsAllMetadata(const Match& match, const RequestFacts& facts) {
  return std::all_of(match.all_metadata.begin(), match.all_metadata.end(),
                     [&](const MetadataCondition& condition) { return AllValuesMatch(condition, facts.request()); });
}

bool HoldsNetworks(const Match& match, const RequestFacts& facts) {
  return match.networks.empty() || std::any_of(match.networks.begin(), match.networks.end(),
                                               [&](const Network& network) { return network.Contains(facts.host()); });
}

bool HoldsTimes(const Match& match, const RequestFacts& facts) {
  return match.times.empty() || std::any_of(match.times.begin(), match.times.end(), [&](const TimeWindow& window) {
           return window.Contains(facts.MinuteOfWeekIn(window.zone));
         });
}

// The first few of a list.
template <typename List, typename Format>
std::string Some(const List& list, Format format) {
  constexpr size_t kShown = 5;
  std::string text;
  size_t shown = 0;
  for (const auto& element : list) {
    if (shown++ == kShown) return absl::StrCat(text, " and ", list.size() - kShown, " more");
    absl::StrAppend(&text, text.empty() ? "" : ", ", format(element));
  }
  return text;
}

std::string Some(const std::vector<std::string>& list) {
  return Some(list, [](const std::string& text) { return text; });
}

std::string NoneMatches(absl::string_view what, std::string_view text, const std::vector<std::string>& globs) {
  if (text.empty()) return absl::StrCat("the call has no ", what, "; asked for: ", Some(globs));
  return absl::StrCat(what, " ", View(text), " matches none of: ", Some(globs));
}

std::string ProofNames(ProofSet proofs) {
  constexpr const char* kNames[] = {"none", "jwt", "mtls", "api_key", "local"};
  static_assert(std::size(kNames) == v1::Proof_ARRAYSIZE);
  std::vector<std::string> names;
  for (size_t proof = 0; proof < std::size(kNames); ++proof) {
    if ((proofs >> proof & 1) != 0) names.emplace_back(kNames[proof]);
  }
  return absl::StrJoin(names, ", ");
}

std::string WhyGroups(const Match& match, const RequestFacts& facts) {
  if (facts.groups().empty()) return absl::StrCat("the caller is in no group; asked for: ", Some(match.groups));
  const std::vector<std::string> groups(facts.groups().begin(), facts.groups().end());
  return absl::StrCat("none of the caller's groups (", Some(groups), ") matches any of: ", Some(match.groups));
}

std::string WhyNetworks(const Match& match, const RequestFacts& facts) {
  return absl::StrCat("peer ", View(facts.request().peer), " is in none of: ", Some(match.networks, FormatNetwork));
}

std::string WhyTimes(const Match& match, const RequestFacts& facts) {
  const absl::TimeZone& zone = match.times.front().zone;
  return absl::StrCat(FormatMinuteOfWeek(facts.MinuteOfWeekIn(zone)), " in ", zone.name(), " is in none of the ",
                      match.times.size(), match.times.size() == 1 ? " time given" : " times given");
}

std::string WhyMetadata(const Match& match, const RequestFacts& facts) {
  std::vector<std::string> missed;
  for (const MetadataCondition& condition : match.metadata) {
    if (!OneValueMatches(condition, facts.request())) {
      missed.push_back(absl::StrCat(condition.name, " has no value that matches ", condition.glob));
    }
  }
  return Some(missed);
}

std::string WhyAllMetadata(const Match& match, const RequestFacts& facts) {
  std::vector<std::string> missed;
  for (const MetadataCondition& condition : match.all_metadata) {
    if (!AllValuesMatch(condition, facts.request())) {
      missed.push_back(
          absl::StrCat(condition.name, " is not there, or has a value that does not match ", condition.glob));
    }
  }
  return Some(missed);
}

struct Condition {
  const char* name;
  bool (*holds)(const Match&, const RequestFacts&);
  std::string (*why)(const Match&, const RequestFacts&);  // it does not hold
};

constexpr Condition kConditions[] = {
    {"identities", HoldsIdentities,
     [](const Match& match, const RequestFacts& facts) {
       return NoneMatches("subject", facts.subject(), match.identities);
     }},
    {"groups", HoldsGroups, WhyGroups},
    {"issuers", HoldsIssuers,
     [](const Match& match, const RequestFacts& facts) {
       return NoneMatches("issuer", facts.issuer(), match.issuers);
     }},
    {"proofs", HoldsProofs,
     [](const Match& match, const RequestFacts& facts) {
       return absl::StrCat("shown: ", ProofNames(facts.proofs()), "; asked for one of: ", ProofNames(match.proofs));
     }},
    {"all_proofs", HoldsAllProofs,
     [](const Match& match, const RequestFacts& facts) {
       return absl::StrCat("shown: ", ProofNames(facts.proofs()), "; asked for all of: ", ProofNames(match.all_proofs));
     }},
    {"methods", HoldsMethods,
     [](const Match& match, const RequestFacts& facts) {
       return NoneMatches("method", facts.method(), match.methods);
     }},
    {"upstreams", HoldsUpstreams,
     [](const Match& match, const RequestFacts& facts) {
       return NoneMatches("upstream", facts.request().upstream, match.upstreams);
     }},
    {"metadata", HoldsMetadata, WhyMetadata},
    {"all_metadata", HoldsAllMetadata, WhyAllMetadata},
    {"networks", HoldsNetworks, WhyNetworks},
    {"times", HoldsTimes, WhyTimes},
};

}  // namespace

ProofSet ProofBit(v1::Proof proof) {
  static_assert(v1::Proof_MAX < 8);
  return static_cast<ProofSet>(1u << static_cast<unsigned>(proof));
}

RequestFacts::RequestFacts(const AccessRequest& request)
    : request_(request), method_(request.method), host_(PeerHost(request.peer)) {
  if (method_.starts_with('/')) method_.remove_prefix(1);
  for (const v1::Proof proof : request.proofs) {
    if (proof != v1::PROOF_NONE && v1::Proof_IsValid(proof)) proofs_ |= ProofBit(proof);
  }
  if (proofs_ == 0) {
    proofs_ = ProofBit(v1::PROOF_NONE);
    return;
  }
  subject_ = request.subject;
  issuer_ = request.issuer;
  groups_ = request.groups;
}

int RequestFacts::MinuteOfWeekIn(const absl::TimeZone& zone) const {
  if (minute_ < 0 || zone != zone_) {
    zone_ = zone;
    minute_ = MinuteOfWeek(request_.now, zone);
  }
  return minute_;
}

bool Matches(const Match& match, const RequestFacts& facts) {
  return std::all_of(std::begin(kConditions), std::end(kConditions),
                     [&](const Condition& condition) { return condition.holds(match, facts); }) &&
         std::none_of(match.except.begin(), match.except.end(),
                      [&](const Match& except) { return Matches(except, facts); });
}

bool RemainingConditionsHold(const Match& match, const RequestFacts& facts) {
  return HoldsAllProofs(match, facts) && HoldsTimes(match, facts) &&
         (match.metadata.size() < 2 || OneValueMatchesEach(absl::MakeConstSpan(match.metadata).subspan(1), facts)) &&
         HoldsAllMetadata(match, facts);
}

std::vector<Mismatch> Mismatches(const Match& match, const RequestFacts& facts) {
  std::vector<Mismatch> mismatches;
  for (const Condition& condition : kConditions) {
    if (!condition.holds(match, facts)) mismatches.push_back({condition.name, condition.why(match, facts)});
  }
  for (size_t i = 0; i < match.except.size(); ++i) {
    if (Matches(match.except[i], facts))
      mismatches.push_back({absl::StrCat("except[", i, "]"), "leaves this call out"});
  }
  return mismatches;
}

}  // namespace sallyport::policy
