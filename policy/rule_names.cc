#include "policy/rule_names.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "policy/policy.h"

namespace sallyport::policy {
namespace {

constexpr size_t kLongestName = 64;

}  // namespace

void RuleNames::Check(const std::string& name, const std::string& key) {
  if (name.empty()) {
    faults_.Add(key + ".name", absl::StrCat("is missing: ", what_for_));
    return;
  }
  if (name.size() > kLongestName || name.front() == ' ' || name.back() == ' ' ||
      !std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
    faults_.Add(key + ".name", absl::StrCat(Quoted(name), " is no name: up to ", kLongestName,
                                            " characters of ASCII, with no space at either end"));
    return;
  }
  if (name == kDefaultRule) faults_.Add(key + ".name", "\"default\" stands for what no rule decides: choose another");
  const auto [first, added] = keys_.emplace(name, key);
  if (!added) {
    faults_.Add(key + ".name", absl::StrCat(Quoted(name), " is the name of ", first->second, " too, on line ",
                                            faults_.LineOf(first->second), ": choose another"));
  }
}

}  // namespace sallyport::policy
