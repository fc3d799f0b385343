// Texts found as the beginnings, or as the ends, of another one.
#ifndef SALLYPORT_POLICY_MATCHING_AFFIX_TRIE_H_
#define SALLYPORT_POLICY_MATCHING_AFFIX_TRIE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/container/flat_hash_map.h"

namespace sallyport::policy {

enum class Affix { kPrefix, kSuffix };

// A trie over bytes, each edge of which is one element of a hash map. Filled first, from then on immutable.
class AffixTrie {
 public:
  explicit AffixTrie(Affix affix) : affix_(affix) {}

  // The value of `affix`, which is not empty; 0 until it is set.
  uint32_t& operator[](std::string_view affix);

  // Calls `found` with the value of every affix of `text` whose value is not 0, the shortest first.
  template <typename Found>
  void ForEachAffix(std::string_view text, Found found) const;

 private:
  struct Edge {
    uint32_t node = 0;
    uint32_t value = 0;
  };
  static uint64_t KeyOf(uint32_t node, char byte) { return uint64_t{node} << 8 | static_cast<unsigned char>(byte); }
  char ByteAt(std::string_view text, size_t depth) const {
    return affix_ == Affix::kPrefix ? text[depth] : text[text.size() - 1 - depth];
  }

  Affix affix_;
  uint32_t nodes_ = 1;  // the root is node 0
  absl::flat_hash_map<uint64_t, Edge> edges_;
};

inline uint32_t& AffixTrie::operator[](std::string_view affix) {
  uint32_t node = 0;
  for (size_t depth = 0;; ++depth) {
    const auto [edge, added] = edges_.try_emplace(KeyOf(node, ByteAt(affix, depth)));
    if (added) edge->second.node = nodes_++;
    if (depth + 1 == affix.size()) return edge->second.value;
    node = edge->second.node;
  }
}

template <typename Found>
void AffixTrie::ForEachAffix(std::string_view text, Found found) const {
  uint32_t node = 0;
  for (size_t depth = 0; depth < text.size(); ++depth) {
    const auto edge = edges_.find(KeyOf(node, ByteAt(text, depth)));
    if (edge == edges_.end()) return;
    if (edge->second.value != 0) found(edge->second.value);
    node = edge->second.node;
  }
}

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MATCHING_AFFIX_TRIE_H_
