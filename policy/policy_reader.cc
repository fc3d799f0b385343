#include "policy/policy_reader.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/matching/match_reader.h"
#include "policy/rule_names.h"
#include "protos/quantities.h"

namespace sallyport::policy {
namespace {

constexpr double kMostCallsPerSecond = 1e6;
constexpr double kLongestFillSeconds = 24 * 60 * 60;
constexpr uint32_t kMostOpenCalls = 10'000'000;
constexpr uint64_t kLeastBytesPerSecond = 1024;
constexpr uint64_t kMostBytesPerSecond = uint64_t{1} << 40;

void CheckCallRate(const v1::Limit& limit, const std::string& key, Faults* faults) {
  const double rate = limit.calls_per_second();
  const bool given = faults->Given(key + ".calls_per_second");
  if (given && !(rate > 0 && rate <= kMostCallsPerSecond)) {
    faults->Add(key + ".calls_per_second",
                "is not between 0 and 1000000; to let nobody call, write a rule that denies");
    return;
  }
  if (!faults->Given(key + ".burst")) {
    if (given && 1 / rate > kLongestFillSeconds) {
      faults->Add(key + ".calls_per_second", "is less than one call a day");
    }
    return;
  }
  if (!given) {
    if (!faults->Unread(key + ".calls_per_second"))
      faults->Add(key + ".burst", "goes with calls_per_second, which is missing");
  } else if (limit.burst() == 0) {
    faults->Add(key + ".burst", "would let no call through: at least 1");
  } else if (limit.burst() / rate > kLongestFillSeconds) {
    faults->Add(key + ".burst", "takes longer than a day to come back at that rate");
  }
}

double ReadByteRate(const v1::Limit& limit, const std::string& key, Faults* faults) {
  if (!faults->Given(key + ".bytes_per_second")) return 0;
  const absl::StatusOr<uint64_t> rate = ParseSize(limit.bytes_per_second());
  if (!rate.ok()) {
    faults->Add(key + ".bytes_per_second", rate.status().message());
    return 0;
  }
  if (*rate < kLeastBytesPerSecond || *rate > kMostBytesPerSecond) {
    faults->Add(key + ".bytes_per_second", "is not between 1KiB and 1TiB");
    return 0;
  }
  return static_cast<double>(*rate);
}

LimitRule ReadLimit(const v1::Limit& source, const std::string& key, Faults* faults) {
  CheckCallRate(source, key, faults);
  if (source.has_open_calls() && (source.open_calls() == 0 || source.open_calls() > kMostOpenCalls)) {
    faults->Add(key + ".open_calls", absl::StrCat("is not between 1 and ", kMostOpenCalls,
                                                  "; to let nobody call, write a rule that denies"));
  }
  if (source.per().empty() && faults->Given(key + ".per")) {
    faults->Add(key + ".per", "is an empty list: remove the key to count all calls together");
  }
  LimitRule limit;
  limit.name = source.name();
  limit.definition = source;
  limit.match = ReadMatch(source.match(), key + ".match", faults);
  limit.bytes_per_second = ReadByteRate(source, key, faults);
  limit.line = faults->LineOf(key);
  if (!faults->Given(key + ".calls_per_second") && !source.has_open_calls() &&
      !faults->Given(key + ".bytes_per_second")) {
    faults->Add(key, "limits nothing: give calls_per_second, open_calls or bytes_per_second");
  }
  return limit;
}

}  // namespace

std::vector<Rule> ReadRules(const v1::Access& access, Faults* faults) {
  std::vector<Rule> rules;
  rules.reserve(static_cast<size_t>(access.rules_size()));
  RuleNames names("callers that it refuses are told it, and the record names it", faults);
  for (int i = 0; i < access.rules_size(); ++i) {
    const v1::AccessRule& source = access.rules(i);
    const std::string key = absl::StrCat("access.rules[", i, "]");
    names.Check(source.name(), key);
    if (!source.has_action()) faults->Add(key + ".action", "is missing: allow or deny");
    if (source.shadow() && source.has_action() && source.action() == v1::AccessRule::allow) {
      faults->Add(key + ".shadow", "goes with deny: it notes what would have been refused");
    }
    Rule rule;
    rule.name = source.name();
    rule.allow = source.action() == v1::AccessRule::allow;
    rule.shadow = source.shadow();
    rule.match = ReadMatch(source.match(), key + ".match", faults);
    rule.line = faults->LineOf(key);
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::vector<LimitRule> ReadLimits(const v1::Policy& policy, Faults* faults) {
  std::vector<LimitRule> limits;
  RuleNames names("callers that it refuses are told it, and the record names it", faults);
  for (int i = 0; i < policy.limits_size(); ++i) {
    const std::string key = absl::StrCat("limits[", i, "]");
    names.Check(policy.limits(i).name(), key);
    limits.push_back(ReadLimit(policy.limits(i), key, faults));
    limits.back().shadow = policy.limits(i).shadow() || policy.shadow();
  }
  return limits;
}

std::vector<RecordRule> ReadRecordRules(const v1::RecordRules& record, Faults* faults) {
  std::vector<RecordRule> rules;
  rules.reserve(static_cast<size_t>(record.rules_size()));
  RuleNames names("callers that it refuses are told it, and the record names it", faults);
  for (int i = 0; i < record.rules_size(); ++i) {
    const v1::RecordRule& source = record.rules(i);
    const std::string key = absl::StrCat("record.rules[", i, "]");
    names.Check(source.name(), key);
    RecordRule rule;
    rule.name = source.name();
    rule.match = ReadMatch(source.match(), key + ".match", faults);
    rule.line = faults->LineOf(key);
    const bool given = faults->Given(key + ".frames");
    if (given) {
      const absl::StatusOr<uint64_t> bytes = ParseFrames(source.frames());
      if (bytes.ok()) {
        rule.frame_bytes = *bytes;
      } else {
        faults->Add(key + ".frames", std::string(bytes.status().message()));
      }
    }
    if (source.has_durability()) rule.durability = source.durability();
    if (!given && !faults->Given(key + ".durability")) {
      faults->Add(key, "says nothing: give frames or durability");
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace sallyport::policy
