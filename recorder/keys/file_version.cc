#include "recorder/keys/file_version.h"

#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "recorder/log/file.h"

namespace sallyport::recorder {

FileVersion FileVersion::From(const struct stat& info) {
  return {info.st_dev, info.st_ino, static_cast<uint64_t>(info.st_size),
          int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_uid};
}

absl::StatusOr<FileVersion> FileVersion::Of(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return SystemError(errno, "looking at", path);
  return From(info);
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
