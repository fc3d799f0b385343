#include "policy/matching/glob_set.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "policy/glob.h"

namespace sallyport::policy {
namespace {

constexpr std::string_view kWildcards = "*?";

}  // namespace

GlobSet::Pattern::Pattern(std::string glob_text, uint32_t glob_number)
    : glob(std::move(glob_text)),
      number(glob_number),
      prefix(static_cast<uint32_t>(glob.find_first_of(kWildcards))),
      suffix(static_cast<uint32_t>(glob.size() - 1 - glob.find_last_of(kWildcards))),
      affix_only(glob.size() == std::max(prefix, suffix) + 1 && glob.find('*') != std::string::npos) {}

bool GlobSet::Pattern::Matches(std::string_view text) const {
  const std::string_view all = glob;
  if (text.size() < size_t{prefix} + suffix || !text.starts_with(all.substr(0, prefix)) ||
      !text.ends_with(all.substr(all.size() - suffix))) {
    return false;
  }
  return GlobMatches(all.substr(prefix, all.size() - prefix - suffix),
                     text.substr(prefix, text.size() - prefix - suffix));
}

template <typename Use>
void GlobSet::ForEachAnchor(std::string_view glob, Use use) {
  size_t from = 0;
  while (from < glob.size()) {
    const size_t end = std::min(glob.find_first_of(kWildcards, from), glob.size());
    for (size_t at = from; at + kAnchorSize <= end; ++at) use(AnchorAt(glob.data() + at));
    from = end + 1;
  }
}

uint32_t GlobSet::Add(std::string_view glob) {
  return numbers_.emplace(std::string(glob), static_cast<uint32_t>(numbers_.size())).first->second;
}

void GlobSet::Seal() {
  absl::flat_hash_map<Anchor, uint32_t> uses;
  std::vector<Pattern> patterns;
  for (const auto& [glob, number] : numbers_) {
    if (glob.find_first_of(kWildcards) == std::string::npos) {
      literals_.emplace(glob, number);
      continue;
    }
    patterns.emplace_back(glob, number);
    if (!patterns.back().affix_only) ForEachAnchor(glob, [&](Anchor anchor) { ++uses[anchor]; });
  }
  numbers_.clear();
  for (Pattern& pattern : patterns) Place(std::move(pattern), uses);
  SealFilter();
}

void GlobSet::Place(Pattern pattern, const absl::flat_hash_map<Anchor, uint32_t>& uses) {
  const std::string glob = pattern.glob;
  const std::string_view prefix = std::string_view(glob).substr(0, pattern.prefix);
  const std::string_view suffix = std::string_view(glob).substr(glob.size() - pattern.suffix);
  std::optional<Anchor> rarest;
  if (!pattern.affix_only) {
    uint32_t least = 0;
    ForEachAnchor(glob, [&](Anchor anchor) {
      const uint32_t count = uses.find(anchor)->second;
      if (rarest.has_value() && count >= least) return;
      rarest = anchor;
      least = count;
    });
  }
  if (rarest.has_value()) {
    anchored_[*rarest].push_back(std::move(pattern));
  } else if (!prefix.empty() && prefix.size() >= suffix.size()) {
    PlaceByAffix(&prefixes_, prefix, std::move(pattern));
  } else if (!suffix.empty()) {
    PlaceByAffix(&suffixes_, suffix, std::move(pattern));
  } else {
    others_.push_back(std::move(pattern));
  }
}

void GlobSet::PlaceByAffix(AffixTrie* trie, std::string_view affix, Pattern pattern) {
  uint32_t& place = (*trie)[affix];
  if (place == 0) {
    place = static_cast<uint32_t>(by_affix_.size());
    by_affix_.emplace_back();
  }
  by_affix_[place].push_back(std::move(pattern));
}

void GlobSet::SealFilter() {
  if (anchored_.empty()) return;
  // With at most one bit in sixteen set, most of a text passes without a look at the map.
  constexpr size_t kBitsForAnchor = 16;
  constexpr size_t kLeastBits = 1024;
  const auto bits = static_cast<int>(std::bit_width(std::max(anchored_.size() * kBitsForAnchor, kLeastBits)));
  filter_shift_ = 32 - std::min(bits, 28);
  filter_.resize((size_t{1} << (32 - filter_shift_)) / 64);
  for (const auto& [anchor, patterns] : anchored_) {
    const size_t bit = FilterBit(anchor);
    filter_[bit / 64] |= uint64_t{1} << (bit % 64);
  }
}

}  // namespace sallyport::policy
