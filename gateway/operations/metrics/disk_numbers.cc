#include "gateway/operations/metrics/disk_numbers.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace sallyport::gateway {
namespace {

namespace fs = std::filesystem;

// stat(2) counts in these, whatever blocks the file system has.
constexpr uint64_t kStatBlock = 512;
constexpr int kDeepest = 4;

uint64_t OnDisk(const fs::path& path) {
  struct stat status = {};
  if (lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  return static_cast<uint64_t>(status.st_blocks) * kStatBlock;
}

uint64_t BytesIn(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(path, error))) return OnDisk(path);
  uint64_t bytes = 0;
  fs::recursive_directory_iterator entry(path, fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
    if (entry.depth() >= kDeepest) entry.disable_recursion_pending();
    bytes += OnDisk(entry->path());
  }
  return bytes;
}

}  // namespace

DiskNumbers ReadDiskNumbers(const std::string& data_directory) {
  DiskNumbers numbers;
  struct statvfs system = {};
  if (statvfs(data_directory.c_str(), &system) == 0) {
    numbers.free = static_cast<uint64_t>(system.f_bavail) * system.f_frsize;
    numbers.size = static_cast<uint64_t>(system.f_blocks) * system.f_frsize;
  }
  std::error_code error;
  fs::directory_iterator entry(data_directory, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    const fs::path& path = entry->path();
    const bool directory = entry->is_directory(error) && !entry->is_symlink(error);
    error.clear();
    // The store's parts are directories; what little lies beside them is together.
    const std::string name = directory ? path.filename().string() : "files";
    const auto found = std::find_if(numbers.parts.begin(), numbers.parts.end(),
                                    [&](const DiskNumbers::Part& part) { return part.name == name; });
    if (found != numbers.parts.end()) {
      found->bytes += BytesIn(path);
    } else {
      numbers.parts.push_back({name, BytesIn(path)});
    }
  }
  std::sort(numbers.parts.begin(), numbers.parts.end(),
            [](const DiskNumbers::Part& a, const DiskNumbers::Part& b) { return a.name < b.name; });
  return numbers;
}

}  // namespace sallyport::gateway
