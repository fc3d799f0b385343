// The recorder's way to the file system.
#ifndef SALLYPORT_RECORDER_SYSTEM_FILE_H_
#define SALLYPORT_RECORDER_SYSTEM_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sallyport::recorder {

// A file that is written. Not thread-safe.
class File {
 public:
  virtual ~File() = default;
  // Writes all of `bytes` at `offset`.
  virtual absl::Status Write(uint64_t offset, std::string_view bytes) = 0;
  // Returns once all that was written is on disk (fdatasync). After an error nothing is known about any earlier write.
  virtual absl::Status Sync() = 0;
  virtual absl::Status Truncate(uint64_t size) = 0;
  // Takes disk space for [offset, offset + size), which then reads as zeros where nothing was written, so that writing
  // there cannot fail for want of it. RESOURCE_EXHAUSTED if there is not so much.
  virtual absl::Status Allocate(uint64_t offset, uint64_t size) = 0;
};

// Everything that changes the file system goes through here: the seam where tests make it fail. Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Creates the file, which must not exist, with mode 0600.
  virtual absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) = 0;
  // Opens a file that exists, for writing.
  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) = 0;
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // NOT_FOUND if there is no such file.
  virtual absl::Status Remove(const std::string& path) = 0;
  // Makes names created, renamed or removed in the directory last.
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  // Creates the directory with mode 0700 if it does not exist, and makes its name last.
  virtual absl::Status EnsureDirectory(const std::string& path) = 0;
};
// The system's own.
FileSystem& RealFileSystem();

// A file that is read, also while another process writes it. Thread-safe.
class ReadableFile {
 public:
  // NOT_FOUND if there is none.
  static absl::StatusOr<ReadableFile> Open(const std::string& path);
  ReadableFile(ReadableFile&& other) noexcept;
  ReadableFile& operator=(ReadableFile&& other) noexcept;
  ~ReadableFile();

  // The present size.
  absl::StatusOr<uint64_t> Size() const;
  // Reads `size` bytes at `offset` into `out`, or as many as there are, and returns how many that were.
  absl::StatusOr<size_t> Read(uint64_t offset, size_t size, char* out) const;
  const std::string& path() const { return path_; }

 private:
  ReadableFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_ = -1;
  std::string path_;
};

// The whole file, or RESOURCE_EXHAUSTED if it is larger than `limit`. NOT_FOUND if there is none.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t limit);

// Puts a file with these bytes at `path`, with mode 0600: after a crash there is the old one or the new one, whole.
absl::Status ReplaceFile(FileSystem& files, const std::string& path, std::string_view bytes);

// Names in the directory, without "." and "..", in no order.
absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path);

bool FileExists(const std::string& path);

// The status for what the system said about an action on a path.
absl::Status SystemError(int error, std::string_view action, std::string_view path);

// A lock between processes on a file that is created if need be. Held until destroyed.
class FileLock {
 public:
  enum class Wait { kNo, kYes };
  // FAILED_PRECONDITION with kNo if another process, or another FileLock of this one, holds it.
  static absl::StatusOr<std::unique_ptr<FileLock>> Take(const std::string& path, Wait wait);
  // Whether somebody holds the lock. False if the file does not exist.
  static absl::StatusOr<bool> IsHeld(const std::string& path);
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_SYSTEM_FILE_H_
