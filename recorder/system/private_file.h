// Files that only their owner may read, with secrets in them.
#ifndef SALLYPORT_RECORDER_SYSTEM_PRIVATE_FILE_H_
#define SALLYPORT_RECORDER_SYSTEM_PRIVATE_FILE_H_

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/crypto/secret_text.h"

namespace sallyport::recorder {

// Tells one version of a file from another. A value.
struct FileVersion {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modified_ns = 0;
  uint32_t owner = 0;  // user id

  static FileVersion From(const struct stat& info);
  // NOT_FOUND if there is no such file.
  static absl::StatusOr<FileVersion> Of(const std::string& path);
  // Whether it is one file, whatever was written to it meanwhile. Says nothing once nobody has the older one open.
  bool IsSameFileAs(const FileVersion& other) const { return device == other.device && inode == other.inode; }
  friend bool operator==(const FileVersion&, const FileVersion&) = default;
};

// Whether a file may be readable by others than its owner: not where this program made it, but where others hand it
// over, who have their own ways to keep it (such as a volume that only one container sees).
enum class Others { kMayDoNothing, kMayRead };

struct PrivateFile {
  SecretText text;
  FileVersion version;
};

// Reads a file, or its first `limit` bytes. `kind`, such as "keyring", is what errors call it. NOT_FOUND if there is
// none; FAILED_PRECONDITION if others than its owner may read or write it (a file of root's, for a process that is not
// root: others than its owner and those of its group, who may read it), or only if they may write it.
absl::StatusOr<PrivateFile> ReadPrivateFile(const std::string& path, size_t limit, std::string_view kind,
                                            Others others = Others::kMayDoNothing);

// PERMISSION_DENIED, saying what to do, unless this process runs as the user who owns the file or directory: who else
// replaces a file that only its owner can read shuts its owner out.
absl::Status CheckOwner(const std::string& path);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_SYSTEM_PRIVATE_FILE_H_
