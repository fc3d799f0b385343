#include "recorder/index/sqlite/scope_numbers.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace sallyport::recorder {
namespace {

bool IsOneOf(const std::vector<int64_t>& numbers, int64_t number) {
  return std::binary_search(numbers.begin(), numbers.end(), number);
}
bool IsOneOf(const std::optional<std::vector<int64_t>>& numbers, int64_t number) {
  return !numbers.has_value() || IsOneOf(*numbers, number);
}

// Those of `numbers` that are the caller's own: it need not be a name that the index knows, and is no glob.
absl::Status KeepOwn(const std::string& own, NameReader& names, std::optional<std::vector<int64_t>>& numbers) {
  const absl::StatusOr<std::optional<int64_t>> number = names.Number(NameKind::kIdentity, own);
  if (!number.ok()) return number.status();
  const bool kept = number->has_value() && IsOneOf(numbers, **number);
  numbers = kept ? std::vector<int64_t>{**number} : std::vector<int64_t>();
  return absl::OkStatus();
}

void Subtract(const std::vector<int64_t>& less, std::vector<int64_t>& numbers) {
  std::vector<int64_t> left;
  std::set_difference(numbers.begin(), numbers.end(), less.begin(), less.end(), std::back_inserter(left));
  numbers = std::move(left);
}

// Nothing if no call can be meant.
absl::StatusOr<std::optional<ScopeNumbers>> Resolve(const CallScope::Part& part, NameReader& names) {
  ScopeNumbers numbers;
  struct Globs {
    NameKind kind;
    const std::vector<std::string>& patterns;
    std::optional<std::vector<int64_t>>& numbers;
  };
  const Globs all[] = {{NameKind::kIdentity, part.identities, numbers.identities},
                       {NameKind::kMethod, part.methods, numbers.methods},
                       {NameKind::kUpstream, part.upstreams, numbers.upstreams}};
  for (const Globs& globs : all) {
    if (globs.patterns.empty()) continue;
    absl::StatusOr<std::optional<std::vector<int64_t>>> matching = names.MatchingAny(globs.kind, globs.patterns);
    if (!matching.ok()) return matching.status();
    globs.numbers = *std::move(matching);
  }
  if (part.own.has_value()) {
    if (absl::Status status = KeepOwn(*part.own, names, numbers.identities); !status.ok()) return status;
  }
  if (!part.but_methods.empty()) {
    absl::StatusOr<std::optional<std::vector<int64_t>>> but = names.MatchingAny(NameKind::kMethod, part.but_methods);
    if (!but.ok()) return but.status();
    if (!but->has_value()) return std::nullopt;
    if (numbers.methods.has_value()) {
      Subtract(**but, *numbers.methods);
    } else {
      numbers.but_methods = **std::move(but);
    }
  }
  const auto none = [](const std::optional<std::vector<int64_t>>& some) { return some.has_value() && some->empty(); };
  if (none(numbers.identities) || none(numbers.methods) || none(numbers.upstreams)) return std::nullopt;
  return numbers;
}

}  // namespace

bool ScopeNumbers::Holds(int64_t identity, int64_t method, int64_t upstream) const {
  return IsOneOf(identities, identity) && IsOneOf(methods, method) && IsOneOf(upstreams, upstream) &&
         !IsOneOf(but_methods, method);
}

absl::StatusOr<ResolvedScope> ResolveScope(const CallScope& scope, NameReader& names) {
  const auto everything = [](const CallScope::Part& part) { return part.everything(); };
  if (std::any_of(scope.parts.begin(), scope.parts.end(), everything)) return std::nullopt;
  std::vector<ScopeNumbers> parts;
  for (const CallScope::Part& part : scope.parts) {
    absl::StatusOr<std::optional<ScopeNumbers>> numbers = Resolve(part, names);
    if (!numbers.ok()) return numbers.status();
    if (numbers->has_value()) parts.push_back(**std::move(numbers));
  }
  return ResolvedScope(std::move(parts));
}

bool IsInScope(const std::vector<ScopeNumbers>& parts, int64_t end_reason, int64_t identity, int64_t method,
               int64_t upstream) {
  if (end_reason == kShredded) return false;
  return std::any_of(parts.begin(), parts.end(),
                     [&](const ScopeNumbers& part) { return part.Holds(identity, method, upstream); });
}

}  // namespace sallyport::recorder
