#include "policy/matching/condition_index.h"

#include <algorithm>
#include <iterator>

namespace sallyport::policy {
namespace {

constexpr size_t kWordBits = 64;
// Sets are worked on in blocks of words, which compilers turn into vector instructions.
constexpr size_t kBlockWords = 8;
// A list is kept as a set of bits once it has more than one element for so many words: about where both cost the same.
constexpr size_t kWordsPerListed = 4;
constexpr size_t kMostUnionBytes = 16 << 20;

// The loops over blocks are written with pointers (Debian's Span checks every index) that do not overlap, so that they
// become vector instructions.
void Unite(const uint64_t* __restrict other, MatchBits bits) {
  uint64_t* __restrict words = bits.data();
  for (const uint64_t* const end = words + bits.size(); words != end; words += kBlockWords, other += kBlockWords) {
    for (size_t i = 0; i < kBlockWords; ++i) words[i] |= other[i];
  }
}

}  // namespace

size_t WordsFor(size_t matches) {
  const size_t words = (matches + kWordBits - 1) / kWordBits;
  return (words + kBlockWords - 1) / kBlockWords * kBlockWords;
}

void SetBit(uint32_t number, MatchBits bits) { bits[number / kWordBits] |= uint64_t{1} << (number % kWordBits); }

bool HasBit(size_t number, MatchBits bits) { return (bits[number / kWordBits] >> (number % kWordBits) & 1) != 0; }

void SetFirst(size_t count, MatchBits bits) {
  const size_t whole = count / kWordBits;
  std::fill(bits.begin(), bits.end(), uint64_t{0});
  std::fill(bits.begin(), bits.begin() + static_cast<ptrdiff_t>(whole), ~uint64_t{0});
  if (count % kWordBits != 0) bits[whole] = (uint64_t{1} << (count % kWordBits)) - 1;
}

bool Intersect(const uint64_t* __restrict other, MatchBits bits) {
  uint64_t left[kBlockWords] = {};
  uint64_t* __restrict words = bits.data();
  for (const uint64_t* const end = words + bits.size(); words != end; words += kBlockWords, other += kBlockWords) {
    for (size_t i = 0; i < kBlockWords; ++i) words[i] &= other[i];
    for (size_t i = 0; i < kBlockWords; ++i) left[i] |= words[i];
  }
  return std::any_of(std::begin(left), std::end(left), [](uint64_t word) { return word != 0; });
}

uint32_t ConditionIndex::NewKey() {
  added_.emplace_back();
  return static_cast<uint32_t>(added_.size() - 1);
}

void ConditionIndex::Add(uint32_t key, uint32_t match) {
  if (added_[key].empty() || added_[key].back() != match) added_[key].push_back(match);
}

void ConditionIndex::Seal(size_t matches) {
  words_ = WordsFor(matches);
  without_.assign(words_, ~uint64_t{0});
  for (const std::vector<uint32_t>& added : added_) {
    for (const uint32_t match : added) without_[match / kWordBits] &= ~(uint64_t{1} << (match % kWordBits));
    used_ = used_ || !added.empty();
    keys_.push_back(Keep(added));
  }
  added_ = {};
}

ConditionIndex::Key ConditionIndex::Keep(const std::vector<uint32_t>& matches) {
  const auto count = static_cast<uint32_t>(matches.size());
  if (count <= words_ / kWordsPerListed) {
    listed_.insert(listed_.end(), matches.begin(), matches.end());
    return {static_cast<uint32_t>(listed_.size() - count), count, false};
  }
  sets_.resize(sets_.size() + words_);
  const MatchBits set = absl::MakeSpan(sets_).last(words_);
  for (const uint32_t match : matches) SetBit(match, set);
  return {static_cast<uint32_t>(sets_.size() / words_ - 1), count, true};
}

std::optional<uint32_t> ConditionIndex::AddUnion(const std::vector<uint32_t>& keys) {
  if (keys.size() == 1) return keys.front();
  if (sets_.size() * sizeof(uint64_t) + listed_.size() * sizeof(uint32_t) > kMostUnionBytes) return std::nullopt;
  std::vector<uint64_t> bits(words_);
  for (const uint32_t key : keys) Accept(key, absl::MakeSpan(bits));
  std::vector<uint32_t> matches;
  for (uint32_t match = 0; match < words_ * kWordBits; ++match) {
    if (HasBit(match, absl::MakeSpan(bits))) matches.push_back(match);
  }
  keys_.push_back(Keep(matches));
  return static_cast<uint32_t>(keys_.size() - 1);
}

void ConditionIndex::Begin(MatchBits bits) const { std::copy(without_.begin(), without_.end(), bits.begin()); }

void ConditionIndex::Accept(uint32_t number, MatchBits bits) const {
  const Key& key = keys_[number];
  if (key.is_set) return Unite(sets_.data() + key.begin * words_, bits);
  uint64_t* const words = bits.data();
  const uint32_t* const end = listed_.data() + key.begin + key.count;
  for (const uint32_t* match = end - key.count; match != end; ++match) {
    words[*match / kWordBits] |= uint64_t{1} << (*match % kWordBits);
  }
}

void TextIndex::Add(const std::string& glob, uint32_t match, ConditionIndex* condition) {
  const uint32_t number = globs_.Add(glob);
  if (number == keys_.size()) keys_.push_back(condition->NewKey());
  condition->Add(keys_[number], match);
}

void TextIndex::Seal(ConditionIndex* condition) {
  globs_.Seal();
  globs_.ForEachLiteral([&](const std::string& text) {
    std::vector<uint32_t> keys;
    globs_.ForEachMatch(text, [&](uint32_t number) { keys.push_back(keys_[number]); });
    if (const std::optional<uint32_t> all = condition->AddUnion(keys); all.has_value()) known_.emplace(text, *all);
  });
}

void TextIndex::Accept(std::string_view text, const ConditionIndex& condition, MatchBits bits) const {
  if (const auto known = known_.find(text); known != known_.end()) return condition.Accept(known->second, bits);
  globs_.ForEachMatch(text, [&](uint32_t number) { condition.Accept(keys_[number], bits); });
}

}  // namespace sallyport::policy
