#include "recorder/verify/segment_window.h"

#include <algorithm>
#include <cstring>

namespace sallyport::recorder {

absl::StatusOr<std::string_view> SegmentWindow::At(uint64_t offset, size_t length) {
  if (offset >= size_) return std::string_view();
  length = static_cast<size_t>(std::min<uint64_t>(length, size_ - offset));
  if (offset < begin_ || offset + length > begin_ + filled_) {
    // What is there already of the wanted bytes is kept, and the rest read behind it.
    const size_t kept = offset >= begin_ && offset < begin_ + filled_ ? begin_ + filled_ - offset : 0;
    if (kept != 0) std::memmove(buffer_.data(), buffer_.data() + (offset - begin_), kept);
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(std::max(length, kReadSize), size_ - offset));
    if (buffer_.size() < wanted) buffer_.resize(wanted);
    const absl::StatusOr<size_t> read = file_.Read(offset + kept, wanted - kept, buffer_.data() + kept);
    if (!read.ok()) return read.status();
    begin_ = offset;
    filled_ = kept + *read;
  }
  return std::string_view(buffer_.data() + (offset - begin_), std::min<size_t>(length, begin_ + filled_ - offset));
}

}  // namespace sallyport::recorder
