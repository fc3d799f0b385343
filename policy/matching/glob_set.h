// Many globs against one text at once.
#ifndef SALLYPORT_POLICY_MATCHING_GLOB_SET_H_
#define SALLYPORT_POLICY_MATCHING_GLOB_SET_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "policy/matching/affix_trie.h"
#include "policy/text.h"

namespace sallyport::policy {

// Finds those of its globs (policy/glob.h) that match a text, without trying them all:
//   "abc"    is looked up,
//   "abc*"   is found on a walk through the beginnings of the text, "*abc" on one through its ends,
//   "a?c*def" has an anchor, the rarest four bytes that a text must contain: one look at every four bytes of the text
//            finds the candidates, which are then tried; without four bytes in a row it is found by its beginning or
//            end.
// Only globs that have none of these are always tried. Filled first, then sealed, from then on immutable.
class GlobSet {
 public:
  // The number that stands for `glob`: from 0 on, the same for equal globs.
  uint32_t Add(std::string_view glob);
  // Once, after the last Add.
  void Seal();

  // Calls `matched` with the number of every glob that matches `text`, with some perhaps more than once. Does not
  // allocate.
  template <typename Matched>
  void ForEachMatch(std::string_view text, Matched matched) const;

  // Calls `use` with every glob that has no wildcards.
  template <typename Use>
  void ForEachLiteral(Use use) const {
    for (const auto& [text, number] : literals_) use(text);
  }

 private:
  static constexpr size_t kAnchorSize = 4;
  using Anchor = uint32_t;

  struct Pattern {
    Pattern(std::string glob_text, uint32_t glob_number);
    bool Matches(std::string_view text) const;

    std::string glob;
    uint32_t number;
    uint32_t prefix;  // how long what stands before the first wildcard is
    uint32_t suffix;  // and after the last one
    bool affix_only;  // "abc*" or "*abc": nothing is left to compare once the affix is found
  };
  using Patterns = std::vector<Pattern>;

  static Anchor AnchorAt(const char* bytes) {
    Anchor anchor;
    std::memcpy(&anchor, bytes, kAnchorSize);
    return anchor;
  }
  template <typename Use>
  static void ForEachAnchor(std::string_view glob, Use use);
  // Which bit of the filter stands for an anchor.
  size_t FilterBit(Anchor anchor) const { return (anchor * 0x9e3779b1u) >> filter_shift_; }
  bool MayBeAnchor(Anchor anchor) const {
    const size_t bit = FilterBit(anchor);
    return (filter_[bit / 64] >> (bit % 64) & 1) != 0;
  }
  void Place(Pattern pattern, const absl::flat_hash_map<Anchor, uint32_t>& uses);
  void PlaceByAffix(AffixTrie* trie, std::string_view affix, Pattern pattern);
  void SealFilter();

  absl::flat_hash_map<std::string, uint32_t, TextHash, std::equal_to<>> numbers_;
  // What follows is made by Seal.
  TextMap<uint32_t> literals_;
  AffixTrie prefixes_{Affix::kPrefix};  // to places in by_affix_
  AffixTrie suffixes_{Affix::kSuffix};
  std::vector<Patterns> by_affix_{1};  // 0 stands for none
  absl::flat_hash_map<Anchor, Patterns> anchored_;
  std::vector<uint64_t> filter_;  // a bit for each anchor that there is; empty if there is none
  int filter_shift_ = 0;
  Patterns others_;
};

template <typename Matched>
void GlobSet::ForEachMatch(std::string_view text, Matched matched) const {
  if (const auto literal = literals_.find(text); literal != literals_.end()) matched(literal->second);
  const auto try_all = [&](const Patterns& patterns) {
    for (const Pattern& pattern : patterns) {
      if (pattern.affix_only || pattern.Matches(text)) matched(pattern.number);
    }
  };
  prefixes_.ForEachAffix(text, [&](uint32_t place) { try_all(by_affix_[place]); });
  suffixes_.ForEachAffix(text, [&](uint32_t place) { try_all(by_affix_[place]); });
  try_all(others_);
  if (filter_.empty()) return;
  for (size_t at = 0; at + kAnchorSize <= text.size(); ++at) {
    const Anchor anchor = AnchorAt(text.data() + at);
    if (!MayBeAnchor(anchor)) continue;
    if (const auto candidates = anchored_.find(anchor); candidates != anchored_.end()) try_all(candidates->second);
  }
}

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MATCHING_GLOB_SET_H_
