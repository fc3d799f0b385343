#include "gateway/operations/events/file_receiver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "recorder/system/file.h"

namespace sallyport::gateway {
namespace {

using recorder::SystemError;

// Where the last whole line ends, of `size` bytes.
absl::StatusOr<off_t> EndOfLines(int file, off_t size, const std::string& path) {
  std::array<char, 64 << 10> piece;
  while (size > 0) {
    const off_t begin = std::max<off_t>(0, size - static_cast<off_t>(piece.size()));
    const ssize_t got = pread(file, piece.data(), static_cast<size_t>(size - begin), begin);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(errno, "reading", path);
    const std::string_view text(piece.data(), static_cast<size_t>(got));
    const size_t end = text.rfind('\n');
    if (end != std::string_view::npos) return begin + static_cast<off_t>(end) + 1;
    size = begin;
  }
  return 0;
}

absl::Status WriteAll(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError(errno, "writing", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

std::string FileReceiver::Aside(uint32_t number) const { return absl::StrCat(options_.path, ".", number); }

absl::Status FileReceiver::Send(const std::vector<Event>& events) {
  std::string lines;
  struct stat now = {};
  uint64_t size = stat(options_.path.c_str(), &now) == 0 ? static_cast<uint64_t>(now.st_size) : 0;
  for (const Event& event : events) {
    const uint64_t more = event.json.size() + 1;
    if (size + lines.size() > 0 && size + lines.size() + more > options_.most_bytes) {
      if (absl::Status status = Append(lines); !status.ok()) return status;
      if (absl::Status status = SetAside(); !status.ok()) return status;
      lines.clear();
      size = 0;
    }
    absl::StrAppend(&lines, event.json, "\n");
  }
  return Append(lines);
}

absl::Status FileReceiver::Append(std::string_view lines) {
  if (lines.empty()) return absl::OkStatus();
  // Not through a link that somebody put there.
  constexpr mode_t kOwnerOnly = 0600;
  const int file =
      open(options_.path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kOwnerOnly);
  if (file < 0) return SystemError(errno, "opening", options_.path);
  const absl::Cleanup closer = [file] { close(file); };
  struct stat info = {};
  if (fstat(file, &info) != 0) return SystemError(errno, "looking at", options_.path);
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(options_.path, " is no regular file: name another one"));
  }
  absl::StatusOr<off_t> end = EndOfLines(file, info.st_size, options_.path);
  if (!end.ok()) return end.status();
  if (*end != info.st_size && ftruncate(file, *end) != 0) return SystemError(errno, "cutting", options_.path);
  absl::Status status = WriteAll(file, lines, options_.path);
  if (status.ok() && fdatasync(file) != 0) status = SystemError(errno, "syncing", options_.path);
  // A full disk may have taken a half; what is there of it comes again.
  if (!status.ok() && ftruncate(file, *end) != 0) return SystemError(errno, "cutting", options_.path);
  if (status.ok() && info.st_size == 0) {
    return recorder::RealFileSystem().SyncDirectory(options_.path.substr(0, options_.path.rfind('/') + 1));
  }
  return status;
}

absl::Status FileReceiver::SetAside() const {
  for (uint32_t number = options_.keep; number > 0; --number) {
    const std::string from = number == 1 ? options_.path : Aside(number - 1);
    if (std::rename(from.c_str(), Aside(number).c_str()) != 0 && errno != ENOENT) {
      return SystemError(errno, "setting aside", from);
    }
  }
  return absl::OkStatus();
}

}  // namespace sallyport::gateway
