// A log that is only in memory, for tests of indexes.
#ifndef SALLYPORT_TESTS_RECORDER_INDEX_LOG_MODEL_H_
#define SALLYPORT_TESTS_RECORDER_INDEX_LOG_MODEL_H_

#include <catch2/catch.hpp>
#include <cstdint>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/index/call_index.h"
#include "tests/recorder/made_calls.h"

namespace sallyport::recorder {

// The first line in which two dumps differ, from both.
inline std::string FirstDifference(const std::string& a, const std::string& b) {
  std::istringstream lines_a(a), lines_b(b);
  std::string line_a, line_b;
  while (true) {
    const bool more_a = static_cast<bool>(std::getline(lines_a, line_a));
    const bool more_b = static_cast<bool>(std::getline(lines_b, line_b));
    if (!more_a && !more_b) return "";
    if (more_a != more_b || line_a != line_b) return absl::StrCat(line_a, "\n", line_b);
  }
}

// A log, and what has become of its segments.
class LogModel {
 public:
  LogModel(const MadeCallOptions& options, int calls_per_block, uint64_t segment_bytes) {
    BlockMaker maker(options, calls_per_block, segment_bytes);
    MadeBlock block;
    while (maker.Next(block)) blocks_.push_back(block);
  }

  std::vector<MadeBlock>& blocks() { return blocks_; }
  uint64_t last_segment() const { return blocks_.back().position.segment(); }
  std::set<uint64_t> shredded, deleted;

  // Applies blocks from `first` up to `end`, with commits in between.
  void Feed(CallIndex& index, size_t first, size_t end) {
    uint64_t segment = first == 0 ? 0 : blocks_[first - 1].position.segment();
    for (size_t i = first; i < end; ++i) {
      const MadeBlock& block = blocks_[i];
      const uint64_t now = block.position.segment();
      if (now != segment && !deleted.contains(now)) {
        for (uint64_t gone = segment + 1; gone < now; ++gone) {
          if (segment != 0 && deleted.contains(gone)) index.ApplyDeleted(gone, gone);
        }
        segment = now;
      }
      if (deleted.contains(now)) continue;
      const absl::Status status =
          shredded.contains(now)
              ? index.ApplyShredded(block.position, block.end, block.next_sequence, block.directory)
              : index.Apply(block.position, block.end, block.next_sequence, block.directory, block.body);
      REQUIRE(status == absl::OkStatus());
      if (i % 7 == 3) REQUIRE(index.Save(CallIndex::Extent::kRows) == absl::OkStatus());
    }
  }
  void Feed(CallIndex& index) { Feed(index, 0, blocks_.size()); }

  void ForEachBlockOf(uint64_t segment, size_t end, const std::function<absl::Status(const MadeBlock&)>& visit) {
    for (size_t i = 0; i < end; ++i) {
      if (blocks_[i].position.segment() == segment) REQUIRE(visit(blocks_[i]) == absl::OkStatus());
    }
  }
  // What is done to an index that has seen the blocks up to `end`.
  void Shred(CallIndex& index, uint64_t segment, size_t end) {
    shredded.insert(segment);
    ForEachBlockOf(segment, end,
                   [&](const MadeBlock& block) { return index.ScrubBlock(block.position, block.directory); });
    REQUIRE(index.FinishScrub(segment) == absl::OkStatus());
  }
  void Delete(CallIndex& index, const std::set<uint64_t>& segments, size_t end) {
    deleted.insert(segments.begin(), segments.end());
    for (uint64_t segment : segments) {
      ForEachBlockOf(segment, end, [&](const MadeBlock& block) {
        return index.ForgetBlock(block.position, block.directory,
                                 [&](uint64_t number) { return deleted.contains(number); });
      });
      REQUIRE(index.ForgetScrub(segment) == absl::OkStatus());
    }
    REQUIRE(index.FinishForget() == absl::OkStatus());
  }

 private:
  std::vector<MadeBlock> blocks_;
};

inline MadeCallOptions DenseCalls(uint64_t calls, uint32_t seed = 1) {
  MadeCallOptions options;
  options.calls = calls;
  options.identities = 20;
  options.methods = 30;
  options.upstreams = 4;
  options.seed = seed;
  // So dense that calls of all lengths are open together.
  options.days = 1;
  return options;
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_INDEX_LOG_MODEL_H_
