#include "recorder/system/private_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "recorder/crypto/text.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {
namespace {

// Which bits nobody but the owner may have. A file of root's that this process, not being root, reads as one of the
// file's group was handed over by root: so Kubernetes mounts Secrets into containers that run as another user.
mode_t ForbiddenToOthers(const struct stat& info) { return info.st_uid == 0 && geteuid() != 0 ? 037 : 077; }

}  // namespace

FileVersion FileVersion::From(const struct stat& info) {
  return {info.st_dev, info.st_ino, static_cast<uint64_t>(info.st_size),
          int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_uid};
}

absl::StatusOr<FileVersion> FileVersion::Of(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return SystemError(errno, "looking at", path);
  return From(info);
}

absl::StatusOr<PrivateFile> ReadPrivateFile(const std::string& path, size_t limit, std::string_view kind,
                                            Others others) {
  // Without waiting for a writer, should it be a pipe.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return SystemError(errno, absl::StrCat("opening the ", View(kind)), path);
  const absl::Cleanup closer = [&] { close(descriptor); };
  struct stat info = {};
  if (fstat(descriptor, &info) != 0) return SystemError(errno, "looking at", path);
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is no regular file"));
  if ((info.st_mode & 022) != 0 && others == Others::kMayRead) {
    return absl::FailedPreconditionError(
        absl::StrFormat("the %s %s can be written by others than its owner (mode %04o): chmod 600 %s, and see that "
                        "nobody put something into it",
                        View(kind), path, info.st_mode & 07777, path));
  }
  if ((info.st_mode & ForbiddenToOthers(info)) != 0 && others == Others::kMayDoNothing) {
    return absl::FailedPreconditionError(
        absl::StrFormat("the %s %s can be used by others than its owner (mode %04o): chmod 600 %s, and go over to "
                        "another key if somebody may have read it",
                        View(kind), path, info.st_mode & 07777, path));
  }
  const size_t size = std::min(static_cast<size_t>(info.st_size), limit);
  std::string bytes(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t got = read(descriptor, bytes.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(errno, "reading", path);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return PrivateFile{SecretText(std::move(bytes)), FileVersion::From(info)};
}

absl::Status CheckOwner(const std::string& path) {
  const absl::StatusOr<FileVersion> version = FileVersion::Of(path);
  if (!version.ok()) return version.status();
  if (version->owner == geteuid()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      path, " belongs to another user (", version->owner, "), who could not read what this one (", geteuid(),
      ") would put in its place: run this as that user, such as with sudo -u '#", version->owner, "'"));
}

}  // namespace sallyport::recorder
