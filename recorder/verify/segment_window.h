// Reads a file from front to back in large pieces.
#ifndef SALLYPORT_RECORDER_VERIFY_SEGMENT_WINDOW_H_
#define SALLYPORT_RECORDER_VERIFY_SEGMENT_WINDOW_H_

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// Shows the first `size` bytes of a file, moving forward; whatever is behind them counts as not there. Not thread-safe.
class SegmentWindow {
 public:
  SegmentWindow(ReadableFile file, uint64_t size) : file_(std::move(file)), size_(size) {}

  uint64_t size() const { return size_; }
  // The `length` bytes at `offset`, or as many as there are. Lives until the next call. Offsets should not go back.
  absl::StatusOr<std::string_view> At(uint64_t offset, size_t length);

 private:
  static constexpr size_t kReadSize = size_t{1} << 20;

  ReadableFile file_;
  const uint64_t size_;
  std::vector<char> buffer_;
  uint64_t begin_ = 0;  // in the file, of what is in the buffer
  size_t filled_ = 0;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_SEGMENT_WINDOW_H_
