#include "recorder/log/segment_store.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace sallyport::recorder {
namespace {

class FileBytes : public SegmentBytes {
 public:
  explicit FileBytes(ReadableFile file) : file_(std::move(file)) {}
  absl::StatusOr<uint64_t> Size() const override { return file_.Size(); }
  absl::StatusOr<size_t> Read(uint64_t offset, size_t size, char* out) const override {
    return file_.Read(offset, size, out);
  }
  const std::string& name() const override { return file_.path(); }

 private:
  const ReadableFile file_;
};

}  // namespace

absl::StatusOr<std::vector<uint64_t>> LocalSegments::List() const {
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(layout_.LogDirectory());
  if (!names.ok()) return names.status();
  std::vector<uint64_t> numbers;
  for (const std::string& name : *names) {
    if (std::optional<uint64_t> number = ParseSegmentName(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

absl::StatusOr<std::unique_ptr<SegmentBytes>> LocalSegments::Open(uint64_t number) const {
  absl::StatusOr<ReadableFile> file = ReadableFile::Open(layout_.Segment(number));
  if (!file.ok()) return file.status();
  return std::make_unique<FileBytes>(*std::move(file));
}

absl::Status LocalSegments::Remove(uint64_t number) {
  const absl::Status status = files_.Remove(layout_.Segment(number));
  return status.ok() ? files_.SyncDirectory(layout_.LogDirectory()) : status;
}

}  // namespace sallyport::recorder
