// Checks one segment of the log.
#ifndef SALLYPORT_RECORDER_VERIFY_SEGMENT_CHECK_H_
#define SALLYPORT_RECORDER_VERIFY_SEGMENT_CHECK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "recorder/format/store_layout.h"
#include "recorder/verify/body_opener.h"
#include "recorder/verify/header_check.h"
#include "recorder/verify/segment_window.h"
#include "recorder/verify/stated_call.h"
#include "recorder/verify/subtree_stack.h"
#include "recorder/verify/verifier.h"

namespace sallyport::recorder {

// What the checks of all segments share. Constant while they run.
struct SegmentCheckPlan {
  explicit SegmentCheckPlan(const std::string& directory) : layout(directory) {}

  StoreLayout layout;
  std::optional<StoreId> store_id;
  StoreSecrets* keys = nullptr;
  std::vector<uint64_t> segments;      // that are there, in order
  uint64_t leaves_size = 0;            // bytes of tree/leaves that count
  std::vector<uint64_t> wanted_sizes;  // of trees whose roots are asked for, ascending
  Position index_end;                  // the index knows blocks before this one
  uint64_t seed = 0;                   // of the sums
  size_t max_findings = 100;           // per segment
  // Called with how many more bytes were read. From all threads.
  std::function<void(uint64_t)> on_bytes;
  // Called, where set, for each call that ends, and for each directory. From the thread that checks the segment.
  std::function<void(const StatedCall&)> on_call;
  std::function<void(const CheckedBlock&, std::string_view directory)> on_directory;

  bool Has(uint64_t segment) const;
};

// The tree up to a size that was asked for, within one segment.
struct TreeUpTo {
  uint64_t size = 0;
  SubtreeStack leaves;
  Position end;  // where the next block would begin
};

// A call and the blocks its start and its end stand in.
struct PlacedCall {
  CallPart part;
  Position started;
  Position ended;
};

// What came out for one segment.
struct CheckedSegmentLog {
  uint64_t number = 0;
  uint64_t size = 0;
  std::optional<CheckedSegment> header;
  SubtreeStack leaves;
  uint64_t next_sequence = 0;
  uint64_t end = 0;     // offset up to which it is valid
  bool closed = false;  // has its footer
  bool all_zeros_behind = false;
  bool valid_block_behind = false;  // behind `end`, somewhere
  std::optional<Finding> stopped;   // what stands at `end`, if no block does
  std::vector<TreeUpTo> trees;
  std::string tombstone;  // the body of the last one
  Position tombstone_position;
  std::vector<Finding> findings;
  uint64_t findings_left_out = 0;
  uint64_t blocks = 0;
  uint64_t entries = 0;
  uint64_t opened_blocks = 0;
  uint64_t directory_lines = 0;
  uint64_t blocks_behind_index = 0;  // of entries, at or behind index_end
  bool without_key = false;          // though there are keys: nothing was opened
  bool shredded = false;             // because it was destroyed

  SetSum places;    // of the last blocks of the calls, up to index_end
  SetSum contents;  // of what calls state that started and ended here, likewise
  uint64_t whole_calls = 0;
  // The other calls with entries here.
  absl::flat_hash_map<uint64_t, PlacedCall> parts;
};

// Runs the checks of one segment that need no other. `size` is what counts of the file. Errors are what the system
// says.
absl::Status CheckSegment(const SegmentCheckPlan& plan, uint64_t number, uint64_t size, CheckedSegmentLog& result);

// Counts a call that has started in `contents` as the index has to list it: as far as the blocks before `index_end`
// say.
void CountCall(const SegmentCheckPlan& plan, const PlacedCall& call, SetSum& contents);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_SEGMENT_CHECK_H_
