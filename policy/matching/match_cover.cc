#include "policy/matching/match_cover.h"

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include "policy/glob.h"
#include "policy/method_globs.h"

namespace sallyport::policy {
namespace {

// Callers have no others: a user of the machine itself, who shows `local`, reads the record and makes no calls.
constexpr ProofSet kCallersProofs = (1u << v1::PROOF_LOCAL) - 1;
static_assert(v1::Proof_MAX == v1::PROOF_LOCAL, "does a caller show the new proof?");

bool CoversGlobs(const std::vector<std::string>& wide, const std::vector<std::string>& narrow) {
  if (wide.empty()) return true;
  return !narrow.empty() && std::all_of(narrow.begin(), narrow.end(), [&](const std::string& glob) {
    return std::any_of(wide.begin(), wide.end(), [&](const std::string& other) { return GlobCovers(other, glob); });
  });
}

bool CoversProofs(const Match& wide, const Match& narrow) {
  const bool any_of_callers = (wide.proofs & kCallersProofs) == kCallersProofs;
  if (wide.proofs == 0 || any_of_callers || (wide.proofs & narrow.all_proofs) != 0) return true;
  return narrow.proofs != 0 && (narrow.proofs & ~wide.proofs) == 0;
}

bool CoversAllProofs(const Match& wide, const Match& narrow) {
  const bool only_one = std::has_single_bit(narrow.proofs);
  return (wide.all_proofs & ~(narrow.all_proofs | (only_one ? narrow.proofs : 0))) == 0;
}

bool Implies(const std::vector<MetadataCondition>& conditions, const MetadataCondition& wanted) {
  return std::any_of(conditions.begin(), conditions.end(), [&](const MetadataCondition& condition) {
    return condition.name == wanted.name && GlobCovers(wanted.glob, condition.glob);
  });
}

bool CoversMetadata(const Match& wide, const Match& narrow) {
  return std::all_of(wide.metadata.begin(), wide.metadata.end(),
                     [&](const MetadataCondition& condition) {
                       return Implies(narrow.metadata, condition) || Implies(narrow.all_metadata, condition);
                     }) &&
         std::all_of(wide.all_metadata.begin(), wide.all_metadata.end(),
                     [&](const MetadataCondition& condition) { return Implies(narrow.all_metadata, condition); });
}

bool CoversNetworks(const Match& wide, const Match& narrow) {
  if (wide.networks.empty()) return true;
  return !narrow.networks.empty() &&
         std::all_of(narrow.networks.begin(), narrow.networks.end(), [&](const Network& network) {
           return std::any_of(wide.networks.begin(), wide.networks.end(),
                              [&](const Network& other) { return other.Covers(network); });
         });
}

// Whether one of the windows that go by the clock of `zone` contains the minute.
bool AnyContains(const std::vector<TimeWindow>& windows, const absl::TimeZone& zone, int minute) {
  return std::any_of(windows.begin(), windows.end(),
                     [&](const TimeWindow& window) { return window.zone == zone && window.Contains(minute); });
}

bool CoversTimes(const Match& wide, const Match& narrow) {
  if (wide.times.empty()) return true;
  return !narrow.times.empty() && std::all_of(narrow.times.begin(), narrow.times.end(), [&](const TimeWindow& window) {
    for (int minute = 0; minute < kWeekMinutes; ++minute) {
      if (window.Contains(minute) && !AnyContains(wide.times, window.zone, minute)) return false;
    }
    return true;
  });
}

// True only if no text matches globs of both lists. Sees it where those of one are plain texts.
bool AreDisjoint(const std::vector<std::string>& one, const std::vector<std::string>& other) {
  const auto is_plain = [](const std::string& glob) { return glob.find_first_of("*?") == std::string::npos; };
  return !one.empty() && !other.empty() && std::all_of(one.begin(), one.end(), [&](const std::string& left) {
    return std::all_of(other.begin(), other.end(), [&](const std::string& right) {
      return (is_plain(left) && !GlobMatches(right, left)) || (is_plain(right) && !GlobMatches(left, right));
    });
  });
}

bool AreDisjoint(const Match& one, const Match& other) {
  return AreDisjoint(one.methods, other.methods) || AreDisjoint(one.identities, other.identities) ||
         AreDisjoint(one.issuers, other.issuers) || AreDisjoint(one.upstreams, other.upstreams);
}

}  // namespace

bool Covers(const Match& wide, const Match& narrow) {
  return MethodGlobsCover(wide.methods, narrow.methods) && CoversGlobs(wide.identities, narrow.identities) &&
         CoversGlobs(wide.groups, narrow.groups) && CoversGlobs(wide.issuers, narrow.issuers) &&
         CoversGlobs(wide.upstreams, narrow.upstreams) && CoversProofs(wide, narrow) && CoversAllProofs(wide, narrow) &&
         CoversMetadata(wide, narrow) && CoversNetworks(wide, narrow) && CoversTimes(wide, narrow) &&
         // What `wide` leaves out, `narrow` must not match either.
         std::all_of(wide.except.begin(), wide.except.end(), [&](const Match& left_out) {
           return AreDisjoint(left_out, narrow) ||
                  std::any_of(narrow.except.begin(), narrow.except.end(),
                              [&](const Match& other) { return Covers(other, left_out); });
         });
}

}  // namespace sallyport::policy
