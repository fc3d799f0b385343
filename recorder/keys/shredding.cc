// The part of key_admin.h that destroys keys.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/format/data_key_state.h"
#include "recorder/format/log_format.h"
#include "recorder/keys/key_admin.h"
#include "recorder/keys/key_file.h"
#include "recorder/system/private_file.h"

namespace sallyport::recorder {
namespace {

// The header of a segment; none if it is damaged, or if there is no such segment.
absl::StatusOr<std::optional<SegmentHeader>> ReadHeader(const StoreLayout& layout, uint64_t number) {
  const absl::StatusOr<ReadableFile> file = ReadableFile::Open(layout.Segment(number));
  if (absl::IsNotFound(file.status())) return std::nullopt;
  if (!file.ok()) return file.status();
  char bytes[kSegmentHeaderSize];
  const absl::StatusOr<size_t> got = file->Read(0, sizeof(bytes), bytes);
  if (!got.ok()) return got.status();
  return *got == sizeof(bytes) ? SegmentHeader::Decode(bytes) : std::nullopt;
}

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
      block->payload_hash != PayloadHash(block->format, "", body, "")) {
    return open;
  }
  return ShredPlan::Segment{number, absl::FromUnixNanos(header->created_ns), absl::FromUnixNanos(footer.closed_ns),
                            footer.entries};
}

// Overwrites a file with zeros, and then empties it. Needs no space on the disk.
absl::Status Overwrite(const std::string& path, FileSystem& files) {
  const absl::StatusOr<FileVersion> version = FileVersion::Of(path);
  if (!version.ok()) return version.status();
  if (version->size == 0) return absl::OkStatus();
  const absl::StatusOr<std::unique_ptr<File>> file = files.Open(path);
  if (!file.ok()) return file.status();
  const std::string zeros(version->size, '\0');
  if (absl::Status status = (*file)->Write(0, zeros); !status.ok()) return status;
  if (absl::Status status = (*file)->Sync(); !status.ok()) return status;
  if (absl::Status status = (*file)->Truncate(0); !status.ok()) return status;
  return (*file)->Sync();
}

// Overwrites a file and removes it; of a link, the link alone. OK if there is none.
absl::Status Destroy(const std::string& path, FileSystem& files) {
  std::error_code error;
  const std::filesystem::file_status found = std::filesystem::symlink_status(path, error);
  if (found.type() == std::filesystem::file_type::not_found) return absl::OkStatus();
  if (found.type() == std::filesystem::file_type::none) return SystemError(error.value(), "looking at", path);
  if (found.type() == std::filesystem::file_type::regular) {
    if (absl::Status status = Overwrite(path, files); !status.ok()) return status;
  }
  return files.Remove(path);
}

// Neither a link, which leads to a file of somebody else's, nor anything but a file.
bool IsPlainFile(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::symlink_status(path, ignored).type() == std::filesystem::file_type::regular;
}

absl::Status NotItsKey(const std::string& path, std::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": ", View(why), ", so nothing was destroyed. See what the file is, and put the right one there"));
}

// OK if the file is the data key that this store made for the segment, or is none any more. The text of a key file says
// whose it is.
absl::Status CheckIsItsKey(const StoreLayout& layout, uint64_t segment) {
  const std::string path = layout.DataKey(segment);
  std::error_code error;
  const std::filesystem::file_type type = std::filesystem::symlink_status(path, error).type();
  if (type == std::filesystem::file_type::not_found) return absl::OkStatus();
  if (type == std::filesystem::file_type::none) return SystemError(error.value(), "looking at", path);
  if (type == std::filesystem::file_type::symlink) return NotItsKey(path, "is a link to a file elsewhere");
  if (type != std::filesystem::file_type::regular) return NotItsKey(path, "is no file");
  const absl::StatusOr<KeyFile> key = ReadKeyFile(path, KeyPurpose::Data(segment));
  if (absl::IsDataLoss(key.status())) {
    return absl::DataLossError(absl::StrCat(key.status().message(), ". Nothing was destroyed"));
  }
  if (!key.ok()) return key.status();
  const absl::StatusOr<KeyFile> store = ReadKeyFile(layout.StoreKey(), KeyPurpose::Store());
  if (!store.ok()) return store.status();
  if (key->store_id != store->store_id) return NotItsKey(path, "is a key of another store");
  const absl::StatusOr<std::optional<SegmentHeader>> header = ReadHeader(layout, segment);
  if (!header.ok()) return header.status();
  if (!header->has_value()) return absl::OkStatus();
  if ((*header)->store_id != store->store_id)
    return NotItsKey(layout.Segment(segment), "is a segment of another store");
  if ((*header)->key_id != key->id) return NotItsKey(path, "the segment names another key");
  return absl::OkStatus();
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
    // One whose key is missing is planned too: that it is meant to be is what remains to be written down.
    if (StateOfDataKey(layout, segment.number) == DataKeyState::kDestroyed) {
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
  if (absl::Status status = CheckIsItsKey(layout, segment); !status.ok()) return status;
  const std::string path = layout.DataKey(segment);
  // What a replacement that was cut off left is the same key.
  const std::string mark = layout.DestroyedDataKey(segment);
  if (absl::Status status = Destroy(absl::StrCat(path, ".tmp"), files); !status.ok()) return status;
  // A key that came back, from a backup, replaces the mark: its bytes are to be overwritten too.
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(mark, error))) {
    if (!IsPlainFile(mark)) return NotItsKey(mark, "is no mark of this store's");
    if (absl::Status status = Overwrite(mark, files); !status.ok()) return status;
  }
  const absl::Status renamed = files.Rename(path, mark);
  if (!renamed.ok() && !absl::IsNotFound(renamed)) return renamed;
  // The key was lost before.
  if (!renamed.ok() && !FileExists(mark)) return ReplaceFile(files, mark, "");
  if (absl::Status status = files.SyncDirectory(layout.KeysDirectory()); !status.ok()) return status;
  return Overwrite(mark, files);
}

absl::Status FinishShredding(const StoreLayout& layout, FileSystem& files) {
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(layout.KeysDirectory());
  if (!names.ok()) return names.status();
  std::vector<std::string> left;
  for (const std::string& name : *names) {
    if (!ParseDestroyedDataKeyName(name).has_value()) continue;
    const std::string path = absl::StrCat(layout.KeysDirectory(), "/", name);
    if (!IsPlainFile(path)) continue;
    const absl::StatusOr<FileVersion> version = FileVersion::Of(path);
    if (absl::IsNotFound(version.status())) continue;
    if (!version.ok()) return version.status();
    if (version->size != 0) left.push_back(path);
  }
  if (left.empty()) return absl::OkStatus();
  if (absl::Status status = CheckOwner(layout.KeysDirectory()); !status.ok()) return status;
  const absl::StatusOr<std::unique_ptr<FileLock>> held = FileLock::Take(layout.KeysLock(), FileLock::Wait::kYes);
  if (!held.ok()) return held.status();
  for (const std::string& path : left) {
    if (absl::Status status = Overwrite(path, files); !status.ok()) return status;
  }
  return files.SyncDirectory(layout.KeysDirectory());
}

}  // namespace sallyport::recorder
