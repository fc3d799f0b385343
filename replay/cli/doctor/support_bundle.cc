#include "replay/cli/doctor/support_bundle.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "recorder/system/file.h"

namespace sallyport::replay {
namespace {

constexpr size_t kRecord = 512;
constexpr size_t kMostStored = 65535;
constexpr size_t kMostListed = 100'000;

// ISO 3309, as gzip wants it.
uint32_t Crc32(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

void PutLittle(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

// RFC 1952, with blocks that are stored (RFC 1951, 3.2.4).
std::string Gzip(std::string_view bytes) {
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  std::string_view left = bytes;
  do {
    const std::string_view piece = left.substr(0, kMostStored);
    left.remove_prefix(piece.size());
    out.push_back(left.empty() ? '\1' : '\0');
    PutLittle(out, piece.size(), 2);
    PutLittle(out, ~piece.size(), 2);
    out.append(piece);
  } while (!left.empty());
  PutLittle(out, Crc32(bytes), 4);
  PutLittle(out, bytes.size(), 4);
  return out;
}

std::string TarHeader(const std::string& name, size_t size, int64_t time_seconds) {
  std::string header(kRecord, '\0');
  const auto put = [&](size_t at, std::string_view text) {
    std::copy(text.begin(), text.end(), header.begin() + static_cast<ptrdiff_t>(at));
  };
  put(0, std::string_view(name).substr(0, 99));
  put(100, "0000600");
  put(108, "0000000");
  put(116, "0000000");
  put(124, absl::StrFormat("%011o", size));
  put(136, absl::StrFormat("%011o", time_seconds));
  put(148, "        ");
  put(156, "0");
  put(257, std::string_view("ustar\0"
                            "00",
                            8));
  uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  const std::string checksum = absl::StrFormat("%06o", sum) + std::string(1, char{0});
  put(148, checksum);
  return header;
}

}  // namespace

std::string TarGz(const BundleFiles& files, int64_t time_seconds) {
  std::string tar;
  for (const auto& [name, bytes] : files) {
    tar += TarHeader(name, bytes.size(), time_seconds);
    tar += bytes;
    tar.append((kRecord - bytes.size() % kRecord) % kRecord, '\0');
  }
  tar.append(2 * kRecord, '\0');
  return Gzip(tar);
}

std::string ListStore(const std::string& directory) {
  std::vector<std::string> lines;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    struct stat info = {};
    if (lstat(entry->path().c_str(), &info) != 0) continue;
    const std::string path = entry->path().string().substr(std::min(directory.size(), entry->path().string().size()));
    lines.push_back(
        absl::StrFormat("%s %12d %04o %s", path, info.st_size, info.st_mode & 07777,
                        absl::FormatTime(absl::RFC3339_sec, absl::FromTimeT(info.st_mtime), absl::UTCTimeZone())));
    if (lines.size() == kMostListed) break;
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, absl::CHexEscape(line), "\n");
  if (error) absl::StrAppend(&text, "not all could be listed: ", error.message(), "\n");
  return text;
}

absl::Status WriteBundle(const std::string& path, std::string_view bytes) {
  absl::StatusOr<std::unique_ptr<recorder::File>> file = recorder::RealFileSystem().Create(path);
  if (!file.ok()) return file.status();
  if (absl::Status status = (*file)->Write(0, bytes); !status.ok()) return status;
  return (*file)->Sync();
}

}  // namespace sallyport::replay
