// Where the segments of a log are kept: the seam between the log and what stores it.
#ifndef SALLYPORT_RECORDER_LOG_SEGMENT_STORE_H_
#define SALLYPORT_RECORDER_LOG_SEGMENT_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/store_layout.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// The bytes of one segment, read, also while they become more. Thread-safe. An interface for the reason that
// SegmentStore is one.
class SegmentBytes {
 public:
  virtual ~SegmentBytes() = default;
  // The present size.
  virtual absl::StatusOr<uint64_t> Size() const = 0;
  // Reads `size` bytes at `offset` into `out`, or as many as there are, and returns how many that were.
  virtual absl::StatusOr<size_t> Read(uint64_t offset, size_t size, char* out) const = 0;
  // What errors call it.
  virtual const std::string& name() const = 0;
};

// The segments of one log. A segment is written on this machine's disk (LogWriter) and never changes once it is sealed.
// Thread-safe. An interface although there is only the local one: object storage for sealed segments comes in here.
class SegmentStore {
 public:
  virtual ~SegmentStore() = default;
  // The numbers of the segments there are, in order.
  virtual absl::StatusOr<std::vector<uint64_t>> List() const = 0;
  virtual bool Has(uint64_t number) const = 0;
  // NOT_FOUND if there is no segment by that number.
  virtual absl::StatusOr<std::unique_ptr<SegmentBytes>> Open(uint64_t number) const = 0;
  // Told once a segment has its footer, synced, and gets no more bytes; at a start, again. Must not block.
  virtual void Seal(uint64_t number) = 0;
  // Removes a segment that is sealed. It stays removed once this has returned.
  virtual absl::Status Remove(uint64_t number) = 0;
};

// Those in the data directory: what is not a segment's name there is passed over.
class LocalSegments : public SegmentStore {
 public:
  // `files` must outlive it.
  LocalSegments(const StoreLayout& layout, FileSystem& files) : layout_(layout), files_(files) {}

  absl::StatusOr<std::vector<uint64_t>> List() const override;
  bool Has(uint64_t number) const override { return FileExists(layout_.Segment(number)); }
  absl::StatusOr<std::unique_ptr<SegmentBytes>> Open(uint64_t number) const override;
  void Seal(uint64_t /*number*/) override {}
  absl::Status Remove(uint64_t number) override;

 private:
  const StoreLayout layout_;
  FileSystem& files_;
};

// Where a log is: the files beside it, and its segments. A value.
class LogPlace {
 public:
  // Also without saying so: the segments are those in the data directory.
  LogPlace(const StoreLayout& layout, FileSystem& files = RealFileSystem())  // NOLINT(google-explicit-constructor)
      : LogPlace(layout, std::make_shared<LocalSegments>(layout, files)) {}
  LogPlace(const StoreLayout& layout, std::shared_ptr<SegmentStore> segments)
      : layout_(layout), segments_(std::move(segments)) {}

  const StoreLayout& layout() const { return layout_; }
  SegmentStore& segments() const { return *segments_; }

 private:
  StoreLayout layout_;
  std::shared_ptr<SegmentStore> segments_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_SEGMENT_STORE_H_
