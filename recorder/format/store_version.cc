#include "recorder/format/store_version.h"

#include <xxhash.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/strict_text.h"
#include "recorder/format/index_schema.h"
#include "recorder/format/log_format.h"
#include "recorder/format/wire_encoding.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {
namespace {

constexpr size_t kMostHeaderSize = 4096;
constexpr size_t kVersionOffset = 8;
constexpr size_t kLengthOffset = 12;
constexpr size_t kChecksumSize = 8;
constexpr size_t kMostFormatFile = 64;

// The number that a segment header of any format has, now and later: each begins with the magic, the version and its
// length, and ends in the checksum of what stands before. Nothing if these bytes are none.
std::optional<uint16_t> FormatOfHeader(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderSize || !bytes.starts_with(kSegmentMagic)) return std::nullopt;
  const auto length = GetFixed<uint32_t>(bytes.data() + kLengthOffset);
  if (length < kLengthOffset + sizeof(length) + kChecksumSize || length > bytes.size()) return std::nullopt;
  const size_t summed = length - kChecksumSize;
  if (GetFixed<uint64_t>(bytes.data() + summed) != XXH3_64bits(bytes.data(), summed)) return std::nullopt;
  return GetFixed<uint16_t>(bytes.data() + kVersionOffset);
}

absl::Status Newer(uint64_t format) {
  return absl::FailedPreconditionError(absl::StrCat("this store was written by a newer Sallyport (format ", format,
                                                    ", this program knows up to ", kFormatVersion,
                                                    "): use that release, or restore a backup. Nothing was touched"));
}

// What the file `format` says, which no release has written so far; nothing where there is none.
absl::StatusOr<std::optional<uint64_t>> StatedFormat(const StoreLayout& layout) {
  const std::string path = layout.Format();
  absl::StatusOr<std::string> text = ReadWholeFile(path, kMostFormatFile);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  if (!text.ok() && !absl::IsResourceExhausted(text.status())) return text.status();
  if (text.ok() && text->ends_with('\n')) text->pop_back();
  const std::optional<uint64_t> number = text.ok() ? ParseDecimal(*text) : std::nullopt;
  if (number.has_value()) return number;
  return absl::FailedPreconditionError(absl::StrCat(
      path, " does not say a number, as releases do that write it: a newer Sallyport may have made this store, or ",
      "the file is damaged. Use the release that wrote the store, or restore a backup"));
}

}  // namespace

absl::StatusOr<std::optional<uint16_t>> NewestSegmentFormat(const StoreLayout& layout) {
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(layout.LogDirectory());
  if (absl::IsNotFound(names.status())) return std::nullopt;
  if (!names.ok()) return names.status();
  uint64_t newest = 0;
  for (const std::string& name : *names) newest = std::max(newest, ParseSegmentName(name).value_or(0));
  if (newest == 0) return std::nullopt;
  const absl::StatusOr<ReadableFile> file = ReadableFile::Open(layout.Segment(newest));
  if (absl::IsNotFound(file.status())) return std::nullopt;
  if (!file.ok()) return file.status();
  std::string bytes(kMostHeaderSize, '\0');
  const absl::StatusOr<size_t> got = file->Read(0, bytes.size(), bytes.data());
  if (!got.ok()) return got.status();
  bytes.resize(*got);
  return FormatOfHeader(bytes);
}

absl::Status CheckStoreVersion(const StoreLayout& layout) {
  const absl::StatusOr<std::optional<uint64_t>> stated = StatedFormat(layout);
  if (!stated.ok()) return stated.status();
  if (stated->value_or(0) > kFormatVersion) return Newer(**stated);
  const absl::StatusOr<std::optional<uint16_t>> newest = NewestSegmentFormat(layout);
  if (!newest.ok()) return newest.status();
  return newest->value_or(0) > kFormatVersion ? Newer(**newest) : absl::OkStatus();
}

absl::Status NewerIndex(int64_t version) {
  return absl::FailedPreconditionError(absl::StrCat(
      "the index of this store was written by a newer Sallyport (index version ", version,
      ", this program knows up to ", kIndexVersion,
      "): use that release, or make it again for this one with `sallyport index rebuild`. Nothing was touched"));
}

}  // namespace sallyport::recorder
