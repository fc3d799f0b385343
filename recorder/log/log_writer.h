// Writes the log's segments.
#ifndef SALLYPORT_RECORDER_LOG_LOG_WRITER_H_
#define SALLYPORT_RECORDER_LOG_LOG_WRITER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "recorder/crypto/merkle.h"
#include "recorder/format/log_format.h"
#include "recorder/keys/store_keys.h"
#include "recorder/log/block.h"
#include "recorder/log/segment_store.h"
#include "recorder/system/duration_histogram.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// Some entries of one call, as the writer takes them in.
struct CallEntries {
  uint64_t call_id = 0;
  std::string_view bytes;  // entries, each behind its varint length
  uint32_t count = 0;
  bool ends_call = false;
};

// A call that is open.
struct OpenCall {
  Position last;         // the last block with entries of it
  uint32_t entries = 0;  // so far; 0 where that is not known
  uint32_t line = 0;     // of the directory that is being made, if `last` is its block
};

// What one group commit wrote. Lives until the next one.
struct WrittenBlock {
  Position position;
  Position end;
  uint64_t next_sequence = 0;
  absl::Span<const DirectoryEntry> directory;
  std::string_view body;
};

// Appends sealed blocks to the log, grows the tree over it and begins a new segment, with a new data key, when one is
// full. Disk space is taken ahead of what is written, so that running out of it is known before. After an error other
// than of Reserve, or one that says that the present segment goes on, it must not be used any more. Used by one thread
// at a time.
class LogWriter {
 public:
  struct Options {
    // A new segment is begun when one has reached this size.
    uint64_t segment_bytes = 256 << 20;
    // Where the next segment cannot be begun, the present one goes on up to this size; then nothing is written any
    // more.
    uint64_t most_segment_bytes = kMaxSegmentSize - 2 * kMaxBodySize;
    // Disk space is taken in pieces of this size.
    uint64_t space_ahead = 16 << 20;
    // Payloads from this size on are sealed and hashed apart from their entries.
    uint64_t smallest_part = 16 << 10;
    RandomSource random = FillRandom;
  };
  struct Start {
    uint64_t segment = 1;         // the number of the first segment to write
    uint64_t first_sequence = 1;  // of the next entry
    CompactRange tree;            // over the leaves before the segment
    // The last block with entries of each call that is open, whose entries have not been counted.
    absl::flat_hash_map<uint64_t, Position> open_calls;
  };

  // `files` and `keys` must outlive it.
  LogWriter(const LogPlace& place, const Options& options, FileSystem& files, StoreKeys& keys, Start start);

  // Begins the first segment.
  absl::Status Open(absl::Time now);

  // Writes one block with these entries, in this order, and returns once it is synced. Together they must not exceed
  // kMaxEntriesSize. A segment that is full goes on while there is no space for another, or no data key can be made.
  absl::StatusOr<WrittenBlock> Append(absl::Span<const CallEntries> entries, absl::Time now);

  // Writes a tombstone, a serialised sallyport.v1.Tombstone, and returns once it is synced.
  absl::Status AppendTombstone(std::string_view tombstone, absl::Time now);

  // Ends the segment and begins the next one, with a new data key. RESOURCE_EXHAUSTED if there is no space for it,
  // UNAVAILABLE if no data key can be made: then the present one goes on.
  absl::Status BeginNextSegment(absl::Time now);
  // Why no data key could be made for the next segment, the last time; OK if one could, or none was needed.
  const absl::Status& next_segment() const { return next_segment_; }

  // Ends the segment; nothing can be appended any more.
  absl::Status Close(absl::Time now);

  // Takes disk space so that at least `bytes` can be written before it is asked again, in this segment or in the next.
  // RESOURCE_EXHAUSTED if there is not so much; what was taken before stays.
  absl::Status Reserve(uint64_t bytes);
  // How many bytes can be written without taking more.
  uint64_t space_left() const { return reserved_ > offset_ ? reserved_ - offset_ : 0; }

  // Where the next block goes, if it goes into the present segment; where the next segment begins once it is ended.
  Position end() const { return {segment_, offset_}; }
  uint64_t next_sequence() const { return next_sequence_; }
  // Over everything written.
  const CompactRange& tree() const { return tree_; }
  // The leaves added to the tree since the last call, in order.
  std::vector<Hash> TakeLeaves() { return std::exchange(leaves_, {}); }
  const absl::flat_hash_map<uint64_t, OpenCall>& open_calls() const { return open_calls_; }
  uint64_t bytes_written() const { return bytes_written_; }
  // How long the disk took for each block.
  const DurationHistogram& syncs() const { return syncs_; }

 private:
  // A segment that is being written.
  struct Segment {
    std::unique_ptr<File> file;
    SegmentHeader header;
    std::optional<Aes256Gcm> cipher;
    uint64_t reserved = 0;
  };

  // Makes a file with its space and data key, but writes nothing yet. RESOURCE_EXHAUSTED if there is no space.
  absl::StatusOr<Segment> Prepare(uint64_t number, uint64_t bytes);
  absl::Status BeginSegment(Segment segment, absl::Time now);
  // What has to happen once a segment will get no more entries.
  absl::Status EndSegment(absl::Time now);
  // Goes on in a new segment if the present one is full and there is space for another.
  absl::Status RollIfFull(absl::Time now);
  absl::Status WriteSynced(std::string_view bytes);
  // Before `bytes` more are written: sees to it that blocks like this one, and some that follow, overwrite zeros.
  absl::Status WriteZerosAhead(uint64_t bytes);
  BlockBuilder::Place Here() const { return {end(), next_sequence_, tree_.end()}; }
  void AddLeaf(const Hash& leaf);
  void FillDirectory(absl::Span<const CallEntries> entries);

  const LogPlace place_;
  const Options options_;
  FileSystem& files_;
  StoreKeys& keys_;

  std::unique_ptr<File> file_;
  KeyId key_id_ = {};
  std::optional<Aes256Gcm> cipher_;
  uint64_t segment_;
  uint64_t offset_ = 0;
  uint64_t reserved_ = 0;  // how far the segment's file has disk space
  uint64_t zeroed_ = 0;    // how far zeros have been written into it
  absl::Status next_segment_;
  absl::Time next_attempt_ = absl::InfinitePast();  // to begin it, after `next_segment_` came
  uint64_t next_sequence_;
  uint64_t segment_first_sequence_ = 0;
  uint64_t bytes_written_ = 0;
  DurationHistogram syncs_;
  CompactRange tree_;
  std::vector<Hash> leaves_;
  absl::flat_hash_map<uint64_t, OpenCall> open_calls_;
  std::vector<DirectoryEntry> directory_;
  std::vector<uint32_t> end_counts_;  // for each CallEntries that ends a call, how many entries that has; else 0
  BlockBuilder builder_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_LOG_WRITER_H_
