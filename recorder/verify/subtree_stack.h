// The verifier's own RFC 6962 tree: nothing in it is shared with what the writer uses.
#ifndef SALLYPORT_RECORDER_VERIFY_SUBTREE_STACK_H_
#define SALLYPORT_RECORDER_VERIFY_SUBTREE_STACK_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "recorder/crypto/crypto.h"

namespace sallyport::recorder {

// The leaves [begin, end) of a tree as a stack of complete subtrees. Stacks over neighbouring ranges can be joined, so
// that ranges are hashed apart from each other. A value.
class SubtreeStack {
 public:
  explicit SubtreeStack(uint64_t begin = 0) : begin_(begin), end_(begin) {}

  uint64_t begin() const { return begin_; }
  uint64_t end() const { return end_; }

  // Hashes `data` as the next leaf.
  void PushData(std::string_view data);
  void PushLeaf(const Hash& leaf);
  // The leaves up to `end` as hashes of the largest complete subtrees that tile them, left to right. False, with
  // nothing changed, if that many hashes do not tile that range.
  [[nodiscard]] bool PushTiles(uint64_t end, const std::vector<Hash>& tiles);
  // False, with nothing changed, unless `next` begins where this one ends.
  [[nodiscard]] bool Join(const SubtreeStack& next);
  // The hashes of the subtrees, left to right, in the form PushTiles takes.
  std::vector<Hash> Tiles() const;
  // The root of the tree with end() leaves. The range must begin at 0.
  Hash Root() const;

  // What a leaf hashes to.
  static Hash Leaf(std::string_view data);
  static Hash Parent(const Hash& left, const Hash& right);

 private:
  struct Subtree {
    int level = 0;       // of 2^level leaves
    uint64_t index = 0;  // among the subtrees of its level
    Hash hash = {};
  };

  void Push(Subtree subtree);

  uint64_t begin_;
  uint64_t end_;
  std::vector<Subtree> stack_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_SUBTREE_STACK_H_
