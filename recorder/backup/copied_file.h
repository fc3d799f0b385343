// Reading and copying single files, of a store or of a backup.
#ifndef SALLYPORT_RECORDER_BACKUP_COPIED_FILE_H_
#define SALLYPORT_RECORDER_BACKUP_COPIED_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/crypto/crypto.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// A file open for reading, which stays readable when its name goes. Moved, not copied. Not thread-safe.
class InputFile {
 public:
  // Follows links, as the store does. NOT_FOUND if there is none; FAILED_PRECONDITION if it is no regular file.
  static absl::StatusOr<InputFile> Open(const std::string& path);
  // Opens `path`, for which IsBackupPath holds but for a longer way, under the directory `root`. On the way from there
  // no link is followed: DATA_LOSS if there is one, or if it is no regular file. NOT_FOUND if there is none.
  static absl::StatusOr<InputFile> OpenBeneath(const std::string& root, const std::string& path);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  // The present size.
  absl::StatusOr<uint64_t> Size() const;
  // Reads `size` bytes at `offset` into `out`, or as many as there are, and returns how many that were.
  absl::StatusOr<size_t> Read(uint64_t offset, size_t size, char* out) const;
  // Makes all bytes that can be read now last, whoever wrote them.
  absl::Status Sync() const;
  // From now on reads what is on the disk, as far as the system can forget what it holds in memory.
  void ForgetCached() const;
  const std::string& path() const { return path_; }

 private:
  InputFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_ = -1;
  std::string path_;
};

// Hands on the first `size` bytes piece by piece, until `piece` returns an error, which is then returned. DATA_LOSS if
// the file has fewer.
absl::Status ReadThrough(const InputFile& file, uint64_t size,
                         absl::FunctionRef<absl::Status(std::string_view piece)> piece);

// The SHA-256 of the first `size` bytes.
absl::StatusOr<Hash> HashOf(const InputFile& file, uint64_t size);

// Puts a file at `path`, in a directory that exists, with mode 0600, synced: what `write` hands to its argument. It has
// its name once it is whole; until then it is beside it with ".part". The name lasts once the directory is synced.
using TakePiece = absl::FunctionRef<absl::Status(std::string_view piece)>;
absl::StatusOr<Hash> WriteWhole(FileSystem& files, const std::string& path,
                                absl::FunctionRef<absl::Status(TakePiece)> write);

// Makes the directories on the way to `path`, which is under `root`, with mode 0700.
absl::Status MakeWay(FileSystem& files, const std::string& root, std::string_view path);

// Directories and regular files under `root`, by their paths from there, in order. DATA_LOSS if there is anything else,
// such as a link, or if it is deeper than `depth` names.
struct Listing {
  std::vector<std::string> files;
  std::vector<std::string> directories;
};
absl::StatusOr<Listing> ListBeneath(const std::string& root, int depth);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_BACKUP_COPIED_FILE_H_
