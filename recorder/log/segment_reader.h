// Reads the log's segments.
#ifndef SALLYPORT_RECORDER_LOG_SEGMENT_READER_H_
#define SALLYPORT_RECORDER_LOG_SEGMENT_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/log_format.h"
#include "recorder/keys/store_keys.h"
#include "recorder/log/block.h"
#include "recorder/log/segment_store.h"

namespace sallyport::recorder {

// One segment, open for reading, also while it is being written. Trusts no byte of it. Not thread-safe.
class SegmentReader {
 public:
  // NOT_FOUND if there is no such segment; DATA_LOSS if its header is damaged or belongs elsewhere. `keys` must outlive
  // it. If the segment's data key is destroyed its blocks are shredded.
  static absl::StatusOr<SegmentReader> Open(const LogPlace& place, StoreKeys& keys, uint64_t number);

  // The block at `offset`. OUT_OF_RANGE if the file ends there; DATA_LOSS, naming segment and offset, if no valid
  // block is there. In the segment that is being written, DATA_LOSS may also mean that none was written yet, or not all
  // of it.
  absl::StatusOr<Block> ReadBlock(uint64_t offset);

  // As ReadBlock, but only header and directory are read, and nothing is verified beyond the header's plausibility.
  absl::StatusOr<Block> ReadDirectory(uint64_t offset) const;

  // Hands on every block of a segment that is complete, footer included, as ReadDirectory reads them, until `block`
  // returns an error, which is then returned. DATA_LOSS if the segment is damaged or has no footer.
  absl::Status WalkDirectories(absl::FunctionRef<absl::Status(const Block&)> block) const;

  // The leaf hash of the segment's header.
  const Hash& header_leaf() const { return header_leaf_; }

  // The offset of the first valid block at or behind `offset`, wherever it begins. Nothing if none follows.
  absl::StatusOr<std::optional<uint64_t>> FindBlock(uint64_t offset);

  // What the file ends in. DATA_LOSS if that is no footer that fits it.
  absl::StatusOr<SegmentFooter> ReadFooter();

  absl::StatusOr<uint64_t> Size() const { return bytes_->Size(); }
  const SegmentHeader& header() const { return header_; }
  uint64_t number() const { return header_.number; }

 private:
  SegmentReader(std::unique_ptr<SegmentBytes> bytes, StoreKeys& keys, const SegmentHeader& header,
                const Hash& header_leaf)
      : bytes_(std::move(bytes)), keys_(&keys), header_(header), header_leaf_(header_leaf) {}

  absl::StatusOr<BlockHeader> ReadBlockHeader(uint64_t offset, uint64_t file_size) const;
  // The opener, made when it is needed first.
  absl::StatusOr<BlockOpener*> Opener();
  absl::Status Damage(uint64_t offset, std::string_view what) const;

  std::unique_ptr<SegmentBytes> bytes_;
  StoreKeys* keys_;
  SegmentHeader header_;
  Hash header_leaf_;
  std::optional<BlockOpener> opener_;
};

// The numbers of the segments there are, in order.
inline absl::StatusOr<std::vector<uint64_t>> ListSegments(const LogPlace& place) { return place.segments().List(); }

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_SEGMENT_READER_H_
