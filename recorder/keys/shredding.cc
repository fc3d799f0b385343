// The part of key_admin.h that destroys keys.
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/keys/key_admin.h"
#include "recorder/keys/key_file.h"
#include "recorder/keys/private_file.h"
#include "recorder/log/log_format.h"
#include "recorder/text.h"

namespace sallyport::recorder {
namespace {

// What header and footer say of a segment that is closed. FAILED_PRECONDITION if it has no footer, NOT_FOUND if there
// is no such segment. Needs no key.
absl::StatusOr<ShredPlan::Segment> ReadClosedSegment(const StoreLayout& layout, uint64_t number) {
  const absl::StatusOr<ReadableFile> file = ReadableFile::Open(layout.Segment(number));
  if (absl::IsNotFound(file.status())) return absl::NotFoundError(absl::StrCat("there is no segment ", number));
  if (!file.ok()) return file.status();
  const absl::StatusOr<uint64_t> size = file->Size();
  if (!size.ok()) return size.status();
  const absl::Status open = absl::FailedPreconditionError(absl::StrCat(
      "segment ", number, " has no footer: it is being written, or the gateway has to close it at its next start"));
  constexpr uint64_t kFooterSize = kBlockHeaderSize + kFooterBodySize;
  if (*size < kSegmentHeaderSize + kFooterSize) return open;

  char header_bytes[kSegmentHeaderSize];
  char footer_bytes[kFooterSize];
  absl::StatusOr<size_t> got = file->Read(0, kSegmentHeaderSize, header_bytes);
  if (got.ok()) got = file->Read(*size - kFooterSize, kFooterSize, footer_bytes);
  if (!got.ok()) return got.status();
  const std::optional<SegmentHeader> header = SegmentHeader::Decode(header_bytes);
  if (!header.has_value() || header->number != number) {
    return absl::DataLossError(absl::StrCat(layout.Segment(number), ": the segment's header is damaged"));
  }
  char block_bytes[kBlockHeaderSize];
  std::copy_n(footer_bytes, kBlockHeaderSize, block_bytes);
  const std::optional<BlockHeader> block = BlockHeader::Decode(block_bytes);
  const std::string_view body(footer_bytes + kBlockHeaderSize, kFooterBodySize);
  const SegmentFooter footer = SegmentFooter::Decode(body.data());
  if (!block.has_value() || block->type != BlockType::kFooter ||
      block->position != Position(number, *size - kFooterSize) || footer.size != *size - kFooterSize ||
      block->payload_hash != PayloadHash("", body)) {
    return open;
  }
  return ShredPlan::Segment{number, absl::FromUnixNanos(header->created_ns), absl::FromUnixNanos(footer.closed_ns),
                            footer.entries};
}

// Overwrites a file with zeros and removes it. OK if there is none.
absl::Status Destroy(const std::string& path, FileSystem& files) {
  const absl::StatusOr<FileVersion> version = FileVersion::Of(path);
  if (absl::IsNotFound(version.status())) return absl::OkStatus();
  if (!version.ok()) return version.status();
  {
    const absl::StatusOr<std::unique_ptr<File>> file = files.Open(path);
    if (!file.ok()) return file.status();
    const std::string zeros(version->size, '\0');
    if (absl::Status status = (*file)->Write(0, zeros); !status.ok()) return status;
    if (absl::Status status = (*file)->Sync(); !status.ok()) return status;
  }
  return files.Remove(path);
}

}  // namespace

absl::StatusOr<ShredPlan> PlanShredding(const StoreLayout& layout, const ShredQuery& query, HoldsSegment holds) {
  ShredPlan plan;
  std::vector<ShredPlan::Segment> wanted;
  for (uint64_t number : query.segments) {
    absl::StatusOr<ShredPlan::Segment> segment = ReadClosedSegment(layout, number);
    if (!segment.ok()) return segment.status();
    wanted.push_back(*std::move(segment));
  }
  if (query.before.has_value()) {
    const absl::StatusOr<std::vector<std::string>> names = ListDirectory(layout.LogDirectory());
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      const std::optional<uint64_t> number = ParseSegmentName(name);
      if (!number.has_value()) continue;
      absl::StatusOr<ShredPlan::Segment> segment = ReadClosedSegment(layout, *number);
      if (absl::IsFailedPrecondition(segment.status()) || absl::IsNotFound(segment.status())) continue;
      if (absl::IsDataLoss(segment.status())) {
        plan.damaged.push_back(*number);
        continue;
      }
      if (!segment.ok()) return segment.status();
      if (segment->closed < *query.before) wanted.push_back(*std::move(segment));
    }
  }
  const auto by_number = [](const ShredPlan::Segment& a, const ShredPlan::Segment& b) { return a.number < b.number; };
  std::sort(wanted.begin(), wanted.end(), by_number);
  const auto same = [](const ShredPlan::Segment& a, const ShredPlan::Segment& b) { return a.number == b.number; };
  wanted.erase(std::unique(wanted.begin(), wanted.end(), same), wanted.end());
  for (const ShredPlan::Segment& segment : wanted) {
    // Also one that a crash left as zeros is planned: ShredSegment removes it.
    if (!FileExists(layout.DataKey(segment.number))) {
      plan.already.push_back(segment.number);
      continue;
    }
    const absl::StatusOr<bool> held = holds(segment.number);
    if (!held.ok()) return held.status();
    if (*held) {
      plan.held.push_back(segment.number);
    } else {
      plan.segments.push_back(segment);
    }
  }
  return plan;
}

absl::Status ShredSegment(const StoreLayout& layout, uint64_t segment, FileSystem& files) {
  if (absl::Status status = CheckOwner(layout.KeysDirectory()); !status.ok()) return status;
  const absl::StatusOr<std::unique_ptr<FileLock>> held = FileLock::Take(layout.KeysLock(), FileLock::Wait::kYes);
  if (!held.ok()) return held.status();
  const std::string path = layout.DataKey(segment);
  // What a replacement that was cut off left is the same key.
  for (const std::string& copy : {absl::StrCat(path, ".tmp"), path}) {
    if (absl::Status status = Destroy(copy, files); !status.ok()) return status;
  }
  return files.SyncDirectory(layout.KeysDirectory());
}

}  // namespace sallyport::recorder
