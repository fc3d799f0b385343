// Writes the log's segments.
#ifndef SALLYPORT_RECORDER_LOG_LOG_WRITER_H_
#define SALLYPORT_RECORDER_LOG_LOG_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "recorder/log/block.h"
#include "recorder/log/file.h"
#include "recorder/log/log_format.h"
#include "recorder/store_layout.h"

namespace sallyport::recorder {

// Some entries of one call, as the writer takes them in.
struct CallEntries {
  uint64_t call_id = 0;
  std::string_view bytes;  // entries, each behind its varint length
  uint32_t count = 0;
  bool ends_call = false;
};

// What one group commit wrote. Lives until the next one.
struct WrittenBlock {
  Position position;
  Position end;
  uint64_t next_sequence = 0;
  absl::Span<const DirectoryEntry> directory;
  std::string_view body;
};

// Appends blocks to the log and begins a new segment when one is full. After an error it must not be used any more.
// Used by one thread at a time.
class LogWriter {
 public:
  struct Start {
    StoreId store_id = {};
    uint64_t segment = 1;         // the number of the first segment to write
    uint64_t first_sequence = 1;  // of the next entry
    // The last block with entries of each call that is open.
    absl::flat_hash_map<uint64_t, Position> open_calls;
  };

  LogWriter(const StoreLayout& layout, uint64_t segment_bytes, FileCreator create_file, Start start);

  // Begins the first segment.
  absl::Status Open(absl::Time now);

  // Writes one block with these entries, in this order, and returns once it is synced. Together they must not exceed
  // kMaxBodySize.
  absl::StatusOr<WrittenBlock> Append(absl::Span<const CallEntries> entries, absl::Time now);

  // Ends the segment; nothing can be appended any more.
  absl::Status Close(absl::Time now);

  // Where the next block goes, if it goes into the present segment.
  Position end() const { return {segment_, offset_}; }
  // The last block with entries of each call that is open.
  const absl::flat_hash_map<uint64_t, Position>& open_calls() const { return last_blocks_; }
  uint64_t bytes_written() const { return bytes_written_; }

 private:
  absl::Status BeginSegment(absl::Time now);
  // What has to happen once a segment will get no more entries.
  absl::Status EndSegment(absl::Time now);
  absl::Status WriteSynced(std::string_view bytes);
  void FillDirectory(absl::Span<const CallEntries> entries);

  const StoreLayout layout_;
  const uint64_t segment_bytes_;
  const FileCreator create_file_;
  const StoreId store_id_;

  std::unique_ptr<File> file_;
  uint64_t segment_;
  uint64_t offset_ = 0;
  uint64_t next_sequence_;
  uint64_t segment_first_sequence_ = 0;
  uint64_t bytes_written_ = 0;
  // The last block with entries of each call that is open.
  absl::flat_hash_map<uint64_t, Position> last_blocks_;
  std::vector<DirectoryEntry> directory_;
  BlockBuilder builder_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_LOG_WRITER_H_
