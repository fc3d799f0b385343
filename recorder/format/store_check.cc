#include "recorder/format/store_check.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "recorder/format/store_version.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {
namespace {

bool May(const std::string& path, int mode) { return faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0; }

std::string UserText(uid_t user) {
  passwd entry = {};
  passwd* found = nullptr;
  std::array<char, 4096> buffer = {};
  if (getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return absl::StrCat("user ", user);
  }
  return absl::StrCat(found->pw_name, " (user ", user, ")");
}

// `path`, or the first directory on the way to it that may not be entered.
std::string Obstacle(const std::string& path) {
  std::filesystem::path way;
  for (const std::filesystem::path& part : std::filesystem::path(path)) {
    way /= part;
    if (!May(way, X_OK)) break;
  }
  return way;
}

absl::Status Denied(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) {
    return absl::PermissionDeniedError(absl::StrCat("no permission to look at ", path));
  }
  return absl::PermissionDeniedError(absl::StrCat("no permission to read ", path, ", which belongs to ",
                                                  UserText(info.st_uid), ": this is ", UserText(geteuid()),
                                                  "; run it as the owner, such as with sudo -u '#", info.st_uid, "'"));
}

}  // namespace

absl::Status CheckStore(const StoreLayout& layout) {
  const std::string log = layout.LogDirectory();
  struct stat info = {};
  if (stat(log.c_str(), &info) == 0) {
    if (!S_ISDIR(info.st_mode)) return absl::NotFoundError(absl::StrCat("there is no store: ", log, " is a file"));
    return May(log, R_OK | X_OK) ? CheckStoreVersion(layout) : Denied(log);
  }
  if (errno == EACCES) return Denied(Obstacle(log));
  if (errno != ENOENT && errno != ENOTDIR) return SystemError(errno, "looking for a store at", log);
  const std::string& directory = layout.directory();
  if (stat(directory.c_str(), &info) != 0) {
    return absl::NotFoundError(absl::StrCat("there is no directory ", directory));
  }
  if (!S_ISDIR(info.st_mode)) return absl::NotFoundError(absl::StrCat(directory, " is a file, and no store"));
  return absl::NotFoundError(absl::StrCat("there is no store in ", directory, ": it has no directory log"));
}

}  // namespace sallyport::recorder
