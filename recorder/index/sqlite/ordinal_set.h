// A set of a chunk's ordinals.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_ORDINAL_SET_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_ORDINAL_SET_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sallyport::recorder {

// One bit for each ordinal below a size, which is a multiple of 64. A value; keeps its capacity.
class OrdinalSet {
 public:
  // Makes it hold none, or all, of the ordinals below `size`.
  void Reset(size_t size, bool all) { words_.assign(size / 64, all ? ~uint64_t{0} : 0); }

  // Those from the size on are left out.
  void Add(uint64_t first, uint64_t count) {
    const uint64_t end = std::min<uint64_t>(first + count, words_.size() * 64);
    if (count == 1 && first < end) words_[first / 64] |= uint64_t{1} << first % 64;
    while (count != 1 && first < end) {
      const uint64_t bit = first % 64;
      const uint64_t bits = std::min(end - first, 64 - bit);
      words_[first / 64] |= (bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1) << bit;
      first += bits;
    }
  }
  bool Contains(uint64_t ordinal) const { return (words_[ordinal / 64] >> ordinal % 64 & 1) != 0; }

  // Both must be of the same size. Returns whether anything is left.
  bool KeepCommon(const OrdinalSet& other) {
    uint64_t any = 0;
    for (size_t i = 0; i < words_.size(); ++i) any |= words_[i] &= other.words_[i];
    return any != 0;
  }
  // Both must be of the same size.
  void AddAll(const OrdinalSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  void RemoveAll(const OrdinalSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
  }
  // Whether there is one in a range whose ends are multiples of 64.
  bool HasAny(uint64_t first, uint64_t end) const {
    return std::any_of(words_.begin() + static_cast<ptrdiff_t>(first / 64),
                       words_.begin() + static_cast<ptrdiff_t>(end / 64), [](uint64_t word) { return word != 0; });
  }

 private:
  std::vector<uint64_t> words_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_ORDINAL_SET_H_
