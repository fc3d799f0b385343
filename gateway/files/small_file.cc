#include "gateway/files/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace sallyport::gateway {

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t most) {
  // Without waiting for a writer, should it be a pipe.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  const absl::Cleanup closer = [descriptor] { close(descriptor); };
  struct stat info = {};
  if (fstat(descriptor, &info) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is no regular file"));
  std::string text(most + 1, '\0');
  size_t length = 0;
  while (length < text.size()) {
    const ssize_t count = read(descriptor, text.data() + length, text.size() - length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
    if (count == 0) break;
    length += static_cast<size_t>(count);
  }
  if (length > most) return absl::FailedPreconditionError(absl::StrCat(path, " has more than ", most, " bytes"));
  if (length == 0) return absl::FailedPreconditionError(absl::StrCat(path, " is empty"));
  text.resize(length);
  return text;
}

absl::StatusOr<std::string> ReadTokenFile(const std::string& path) {
  constexpr size_t kMostTokenBytes = 64 << 10;
  absl::StatusOr<std::string> text = ReadSmallFile(path, kMostTokenBytes);
  if (text.ok()) absl::StripTrailingAsciiWhitespace(&*text);
  return text;
}

}  // namespace sallyport::gateway
