// Joins what was found in each segment to what the whole log says.
#ifndef SALLYPORT_RECORDER_VERIFY_LOG_JOIN_H_
#define SALLYPORT_RECORDER_VERIFY_LOG_JOIN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "recorder/verify/segment_check.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {

// The root of the tree of a size that was asked for.
struct RootAt {
  Hash root = {};
  Position end;  // where the block after its last leaf would begin; unset if that is not known any more
};

// Goes through the segments in order. Lives for one verification.
class LogJoin {
 public:
  // `covered` leaves are under a checkpoint: no torn write explains what is wrong there.
  LogJoin(const SegmentCheckPlan& plan, uint64_t covered) : plan_(plan), covered_(covered) {}

  // `segments` in order. Errors are what the system says.
  absl::Status Join(std::vector<CheckedSegmentLog>& segments);

  std::vector<Finding>& findings() { return findings_; }
  const std::map<uint64_t, RootAt>& roots() const { return roots_; }
  // The tree over all leaves, if nothing kept it from being computed.
  std::optional<Hash> root() const;
  uint64_t leaves() const { return leaves_; }
  // Whether all segments were read to their end.
  bool complete() const { return tree_known_; }
  Position end() const { return end_; }
  uint64_t deleted_segments() const { return deleted_segments_; }
  bool IsDeleted(uint64_t segment) const;

  // With keys: of calls that span segments, and whether every segment could be opened.
  const SetSum& places() const { return places_; }
  const SetSum& contents() const { return contents_; }
  uint64_t whole_calls() const { return whole_calls_; }
  bool all_opened() const { return all_opened_; }

 private:
  void ReadTombstone(const std::vector<CheckedSegmentLog>& segments);
  absl::Status PassGap(uint64_t before);
  absl::Status PassDeleted(const v1::Tombstone::Range& range);
  // Takes snapshots of the tree among deleted leaves, and compares tree/leaves with what the tombstone says of them.
  absl::Status ReadDeletedLeaves(const v1::Tombstone::Range& range, const std::vector<Hash>& tiles);
  void JoinSegment(const CheckedSegmentLog& segment, bool last);
  // Of a segment that a tombstone names, and that is there all the same.
  void CheckTombstoneOf(const CheckedSegmentLog& segment);
  void CheckPlaceInLog(const CheckedSegmentLog& segment);
  void JudgeEnd(const CheckedSegmentLog& segment, bool last);
  void JoinCalls(CheckedSegmentLog& segment);
  void JoinCall(uint64_t id, PlacedCall& call, uint64_t segment);
  void CountOpenCalls();
  Finding& Add(Finding::Weight weight, std::string file, uint64_t segment, uint64_t offset, uint64_t length,
               std::string text);
  void NoteRoot(Position end);

  const SegmentCheckPlan& plan_;
  const uint64_t covered_;
  v1::Tombstone tombstone_;
  std::vector<Finding> findings_;
  std::map<uint64_t, RootAt> roots_;
  SubtreeStack tree_;
  SubtreeStack before_deleted_;  // the tree before the deleted segments passed last
  bool tree_known_ = true;
  uint64_t leaves_ = 0;
  Position end_;
  uint64_t next_segment_ = 1;
  uint64_t next_sequence_ = 1;
  uint64_t deleted_segments_ = 0;
  SetSum places_;
  SetSum contents_;
  uint64_t whole_calls_ = 0;
  bool all_opened_ = true;
  absl::flat_hash_map<uint64_t, PlacedCall> open_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_LOG_JOIN_H_
