// Checks the entries of a block that could be opened.
#ifndef SALLYPORT_RECORDER_VERIFY_ENTRIES_CHECK_H_
#define SALLYPORT_RECORDER_VERIFY_ENTRIES_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "recorder/verify/body_opener.h"
#include "recorder/verify/header_check.h"
#include "recorder/verify/segment_check.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {

// Checks the entries of one block after another against the directory and the parts of each, and takes them for the
// calls they are of. Lives for one segment.
class EntriesCheck {
 public:
  // Calls go into `result`. Both outlive it.
  EntriesCheck(const SegmentCheckPlan& plan, CheckedSegmentLog& result) : plan_(plan), result_(result) {}

  // Told of each thing that is wrong with the block.
  using Report = absl::FunctionRef<void(std::string)>;
  void Check(const CheckedBlock& block, const CheckedPayload& payload, const OpenedBody& body, Report report);

 private:
  void TakeEntry(const CheckedBlock& block, const CheckedPayload& payload, size_t index, Report report);
  // Of an entry that is a call's end.
  void TakeEnd(const CheckedBlock& block, PlacedCall& call, Report report);
  // What is wrong with the entry's part, if it has one.
  std::optional<std::string> CheckPart(const CheckedPayload& payload);
  // The directory names no more than was met, and as often.
  void CompareCounts(const CheckedBlock& block, const CheckedPayload& payload, Report report) const;

  const SegmentCheckPlan& plan_;
  CheckedSegmentLog& result_;

  // Of the block.
  absl::flat_hash_map<uint64_t, CheckedDirectoryLine> named_;  // by the directory; becomes less with each entry
  absl::flat_hash_map<uint64_t, uint32_t> met_;                // entries of each call
  uint64_t parts_named_ = 0;                                   // by its entries

  // Kept for their capacity.
  v1::Entry entry_;
  std::string payload_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_ENTRIES_CHECK_H_
