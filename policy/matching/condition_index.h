// Sets of matches, and which conditions they are content with.
#ifndef SALLYPORT_POLICY_MATCHING_CONDITION_INDEX_H_
#define SALLYPORT_POLICY_MATCHING_CONDITION_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "policy/matching/glob_set.h"
#include "policy/text.h"

namespace sallyport::policy {

// Sets of matches as bits, one for each match. Their words come in whole blocks, see WordsFor.
using MatchBits = absl::Span<uint64_t>;

// How many words sets of so many matches have.
size_t WordsFor(size_t matches);
void SetBit(uint32_t number, MatchBits bits);
bool HasBit(size_t number, MatchBits bits);
// Sets the first `count` bits and clears the others.
void SetFirst(size_t count, MatchBits bits);
// Keeps the bits that `other` has too. False if nothing is left.
bool Intersect(const uint64_t* other, MatchBits bits);

// One kind of condition over all matches: for each of its keys (a glob, a network, ...) the matches that are content
// with it. Filled first, then sealed, then perhaps given unions; from then on immutable.
class ConditionIndex {
 public:
  uint32_t NewKey();
  void Add(uint32_t key, uint32_t match);
  void Seal(size_t matches);
  // A key for what any of these content, which takes one step to accept. Empty if that would take too much memory.
  std::optional<uint32_t> AddUnion(const std::vector<uint32_t>& keys);

  // False if no match has such a condition.
  bool used() const { return used_; }
  // Sets the bits of all matches without such a condition, and clears the others.
  void Begin(MatchBits bits) const;
  // Sets the bits of the matches that `key` contents.
  void Accept(uint32_t key, MatchBits bits) const;

 private:
  // A part of `listed_`, or in place of a long list one of `sets_`.
  struct Key {
    uint32_t begin = 0;
    uint32_t count = 0;
    bool is_set = false;
  };
  Key Keep(const std::vector<uint32_t>& matches);

  size_t words_ = 0;
  bool used_ = false;
  std::vector<std::vector<uint32_t>> added_;  // by key, until it is sealed
  std::vector<Key> keys_;
  std::vector<uint32_t> listed_;
  std::vector<uint64_t> sets_;
  std::vector<uint64_t> without_;
};

// Globs over a text as keys of a condition, to which every call is given the same ConditionIndex. What the globs that
// are plain texts stand for is worked out beforehand, other globs that match it included: those are the texts that
// calls mostly have.
class TextIndex {
 public:
  void Add(const std::string& glob, uint32_t match, ConditionIndex* condition);
  // Once `condition` is sealed.
  void Seal(ConditionIndex* condition);
  // Sets the bits of the matches that are content with `text`. Does not allocate.
  void Accept(std::string_view text, const ConditionIndex& condition, MatchBits bits) const;

 private:
  GlobSet globs_;
  std::vector<uint32_t> keys_;  // by the number of the glob
  TextMap<uint32_t> known_;     // the key of everything that a plain text contents
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MATCHING_CONDITION_INDEX_H_
