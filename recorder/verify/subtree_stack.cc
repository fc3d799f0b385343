#include "recorder/verify/subtree_stack.h"

#include <cassert>

namespace sallyport::recorder {
namespace {

// More leaves than any log has: 2⁵⁶ keep all sums below within 64 bits.
constexpr int kMaxLevel = 56;

// The level of the largest complete subtree that can stand at `begin` without going beyond `end`.
int TileLevel(uint64_t begin, uint64_t end) {
  int level = 0;
  while (level < kMaxLevel && begin % (uint64_t{2} << level) == 0 && begin + (uint64_t{2} << level) <= end) ++level;
  return level;
}

}  // namespace

Hash SubtreeStack::Leaf(std::string_view data) {
  constexpr char kLeaf = 0;
  return Sha256({{&kLeaf, 1}, data});
}

Hash SubtreeStack::Parent(const Hash& left, const Hash& right) {
  constexpr char kNode = 1;
  return Sha256({{&kNode, 1}, AsText(left), AsText(right)});
}

void SubtreeStack::PushData(std::string_view data) { PushLeaf(Leaf(data)); }

void SubtreeStack::PushLeaf(const Hash& leaf) { Push({0, end_, leaf}); }

void SubtreeStack::Push(Subtree subtree) {
  assert(subtree.index << subtree.level == end_);
  end_ += uint64_t{1} << subtree.level;
  while (!stack_.empty() && subtree.index % 2 == 1 && stack_.back().level == subtree.level &&
         stack_.back().index == subtree.index - 1) {
    subtree = {subtree.level + 1, subtree.index / 2, Parent(stack_.back().hash, subtree.hash)};
    stack_.pop_back();
  }
  stack_.push_back(subtree);
}

bool SubtreeStack::PushTiles(uint64_t end, const std::vector<Hash>& tiles) {
  if (end < end_ || end > uint64_t{1} << kMaxLevel) return false;
  std::vector<Subtree> subtrees;
  for (uint64_t at = end_; at < end;) {
    if (subtrees.size() == tiles.size()) return false;
    const int level = TileLevel(at, end);
    subtrees.push_back({level, at >> level, tiles[subtrees.size()]});
    at += uint64_t{1} << level;
  }
  if (subtrees.size() != tiles.size()) return false;
  for (const Subtree& subtree : subtrees) Push(subtree);
  return true;
}

bool SubtreeStack::Join(const SubtreeStack& next) {
  if (next.begin_ != end_) return false;
  for (const Subtree& subtree : next.stack_) Push(subtree);
  return true;
}

std::vector<Hash> SubtreeStack::Tiles() const {
  std::vector<Hash> tiles;
  for (const Subtree& subtree : stack_) tiles.push_back(subtree.hash);
  return tiles;
}

Hash SubtreeStack::Root() const {
  assert(begin_ == 0);
  if (stack_.empty()) return Sha256({});
  // From the right, every subtree is the left sibling of all that stands behind it.
  Hash root = stack_.back().hash;
  for (size_t i = stack_.size() - 1; i > 0; --i) root = Parent(stack_[i - 1].hash, root);
  return root;
}

}  // namespace sallyport::recorder
