// Reads the log's segments.
#ifndef SALLYPORT_RECORDER_LOG_SEGMENT_READER_H_
#define SALLYPORT_RECORDER_LOG_SEGMENT_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/log/block.h"
#include "recorder/log/file.h"
#include "recorder/log/log_format.h"
#include "recorder/store_layout.h"

namespace sallyport::recorder {

// One segment file, open for reading, also while it is being written. Trusts no byte of it.
class SegmentReader {
 public:
  // NOT_FOUND if there is no such file; DATA_LOSS if its header is damaged or belongs elsewhere; OUT_OF_RANGE if the
  // file is shorter than a header (its writer has only just created it, or was stopped at that).
  static absl::StatusOr<SegmentReader> Open(const StoreLayout& layout, uint64_t number);

  // The block at `offset`. OUT_OF_RANGE if the file ends there; DATA_LOSS, naming segment and offset, if no valid
  // block is there. In the segment that is being written, DATA_LOSS may also mean that the block is not complete yet.
  absl::StatusOr<Block> ReadBlock(uint64_t offset) const;

  // As ReadBlock, but only header and directory are read, and nothing is verified beyond the header's plausibility.
  absl::StatusOr<Block> ReadDirectory(uint64_t offset) const;

  // The offset of the first valid block at or behind `offset`, wherever it begins. Nothing if none follows.
  absl::StatusOr<std::optional<uint64_t>> FindBlock(uint64_t offset) const;

  // OK if the file ends in a footer that fits it.
  absl::Status CheckFooter() const;

  absl::StatusOr<uint64_t> Size() const { return file_.Size(); }
  const SegmentHeader& header() const { return header_; }
  uint64_t number() const { return header_.number; }

 private:
  SegmentReader(ReadableFile file, const SegmentHeader& header) : file_(std::move(file)), header_(header) {}

  absl::StatusOr<BlockHeader> ReadBlockHeader(uint64_t offset, uint64_t file_size) const;
  absl::Status Damage(uint64_t offset, std::string_view what) const;

  ReadableFile file_;
  SegmentHeader header_;
};

// The numbers of the segments there are, in order. Names that are no segment's are passed over.
absl::StatusOr<std::vector<uint64_t>> ListSegments(const StoreLayout& layout);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_SEGMENT_READER_H_
