// Reads one call out of the log.
#ifndef SALLYPORT_RECORDER_LOG_CALL_CHAIN_H_
#define SALLYPORT_RECORDER_LOG_CALL_CHAIN_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/log_format.h"
#include "recorder/log/block.h"
#include "recorder/log/segment_reader.h"

namespace sallyport::recorder {

// Finds a call's entries by going back from the last block that holds some, each block naming the one before. Keeps a
// few segments open. Not thread-safe.
class CallChain {
 public:
  // `keys` must outlive it.
  CallChain(const LogPlace& place, StoreKeys& keys) : place_(place), keys_(keys) {}

  // The blocks that hold entries of the call up to `last`, in log order. DATA_LOSS if the chain is broken.
  absl::StatusOr<std::vector<Position>> Blocks(uint64_t call_id, Position last);

  // Hands on the serialised entries of all calls in those blocks, in order, until `entry` returns an error, which is
  // then returned. NOT_FOUND, saying which, if the key of one of the blocks is destroyed or missing.
  absl::Status ReadEntries(const std::vector<Position>& blocks,
                           absl::FunctionRef<absl::Status(uint64_t call_id, std::string_view entry)> entry);

 private:
  static constexpr size_t kSegmentsKeptOpen = 8;

  absl::StatusOr<SegmentReader*> Segment(uint64_t number);
  // The block without its body.
  absl::StatusOr<const Block*> Directory(Position at);
  absl::StatusOr<std::shared_ptr<const Block>> Whole(Position at);

  const LogPlace place_;
  StoreKeys& keys_;
  std::map<uint64_t, SegmentReader> segments_;
  // Those read last: calls that were open together share them.
  Block directory_;
  std::shared_ptr<const Block> whole_;  // null at first
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_CALL_CHAIN_H_
