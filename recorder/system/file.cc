#include "recorder/system/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

int OpenRetrying(const std::string& path, int flags, mode_t mode = 0) {
  int descriptor = -1;
  do {
    descriptor = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

class PosixFile : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override { close(descriptor_); }

  absl::Status Write(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return SystemError(written < 0 ? errno : EIO, "writing", path_);
      bytes.remove_prefix(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    return fdatasync(descriptor_) == 0 ? absl::OkStatus() : SystemError(errno, "syncing", path_);
  }

  absl::Status Truncate(uint64_t size) override {
    return ftruncate(descriptor_, static_cast<off_t>(size)) == 0 ? absl::OkStatus()
                                                                 : SystemError(errno, "cutting", path_);
  }

  absl::Status Allocate(uint64_t offset, uint64_t size) override {
    const int error = posix_fallocate(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(size));
    // A file that may not grow any more is as good as a full disk.
    return error == 0 ? absl::OkStatus() : SystemError(error == EFBIG ? ENOSPC : error, "taking disk space for", path_);
  }

 private:
  const int descriptor_;
  const std::string path_;
};

std::string ParentDirectory(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// An open-file-description lock over the whole file: unlike flock(2), it can be asked about without being taken.
struct flock WholeFileLock() {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

absl::Status SystemError(int error, std::string_view action, std::string_view path) {
  return absl::ErrnoToStatus(error, absl::StrCat(View(action), " ", View(path)));
}

namespace {

class PosixFileSystem : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override {
    const int descriptor = OpenRetrying(path, O_WRONLY | O_CREAT | O_EXCL, kFileMode);
    if (descriptor < 0) return SystemError(errno, "creating", path);
    return std::make_unique<PosixFile>(descriptor, path);
  }

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override {
    const int descriptor = OpenRetrying(path, O_WRONLY);
    if (descriptor < 0) return SystemError(errno, "opening", path);
    return std::make_unique<PosixFile>(descriptor, path);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    return rename(from.c_str(), to.c_str()) == 0 ? absl::OkStatus() : SystemError(errno, "renaming to", to);
  }

  absl::Status Remove(const std::string& path) override {
    return unlink(path.c_str()) == 0 ? absl::OkStatus() : SystemError(errno, "removing", path);
  }

  absl::Status SyncDirectory(const std::string& path) override {
    const int descriptor = OpenRetrying(path, O_RDONLY | O_DIRECTORY);
    if (descriptor < 0) return SystemError(errno, "opening", path);
    const int result = fsync(descriptor);
    const int error = errno;
    close(descriptor);
    return result == 0 ? absl::OkStatus() : SystemError(error, "syncing", path);
  }

  absl::Status EnsureDirectory(const std::string& path) override {
    if (mkdir(path.c_str(), kDirectoryMode) != 0) {
      if (errno != EEXIST) return SystemError(errno, "creating", path);
      struct stat info = {};
      if (stat(path.c_str(), &info) != 0) return SystemError(errno, "looking at", path);
      return S_ISDIR(info.st_mode) ? absl::OkStatus() : SystemError(ENOTDIR, "creating", path);
    }
    return SyncDirectory(ParentDirectory(path));
  }
};

}  // namespace

FileSystem& RealFileSystem() {
  static PosixFileSystem files;
  return files;
}

absl::StatusOr<ReadableFile> ReadableFile::Open(const std::string& path) {
  const int descriptor = OpenRetrying(path, O_RDONLY);
  if (descriptor < 0) return SystemError(errno, "opening", path);
  return ReadableFile(descriptor, path);
}

ReadableFile::ReadableFile(ReadableFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

ReadableFile& ReadableFile::operator=(ReadableFile&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) close(descriptor_);
    descriptor_ = std::exchange(other.descriptor_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

ReadableFile::~ReadableFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::StatusOr<uint64_t> ReadableFile::Size() const {
  struct stat info = {};
  if (fstat(descriptor_, &info) != 0) return SystemError(errno, "asking the size of", path_);
  return static_cast<uint64_t>(info.st_size);
}

absl::StatusOr<size_t> ReadableFile::Read(uint64_t offset, size_t size, char* out) const {
  size_t done = 0;
  while (done < size) {
    const ssize_t got = pread(descriptor_, out + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(errno, "reading", path_);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t limit) {
  absl::StatusOr<ReadableFile> file = ReadableFile::Open(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<uint64_t> size = file->Size();
  if (!size.ok()) return size.status();
  if (*size > limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, " has ", *size, " bytes, more than the ", limit, " allowed"));
  }
  std::string bytes(*size, '\0');
  absl::StatusOr<size_t> got = file->Read(0, bytes.size(), bytes.data());
  if (!got.ok()) return got.status();
  bytes.resize(*got);
  return bytes;
}

absl::Status ReplaceFile(FileSystem& files, const std::string& path, std::string_view bytes) {
  const std::string temporary = absl::StrCat(path, ".tmp");
  if (absl::Status status = files.Remove(temporary); !status.ok() && !absl::IsNotFound(status)) return status;
  {
    absl::StatusOr<std::unique_ptr<File>> file = files.Create(temporary);
    if (!file.ok()) return file.status();
    if (absl::Status status = (*file)->Write(0, bytes); !status.ok()) return status;
    if (absl::Status status = (*file)->Sync(); !status.ok()) return status;
  }
  if (absl::Status status = files.Rename(temporary, path); !status.ok()) return status;
  return files.SyncDirectory(ParentDirectory(path));
}

absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path) {
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return SystemError(errno, "listing", path);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int error = errno;
  closedir(directory);
  if (error != 0) return SystemError(error, "listing", path);
  return names;
}

bool FileExists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

absl::StatusOr<std::unique_ptr<FileLock>> FileLock::Take(const std::string& path, Wait wait) {
  const int descriptor = OpenRetrying(path, O_RDWR | O_CREAT, kFileMode);
  if (descriptor < 0) return SystemError(errno, "opening", path);
  struct flock lock = WholeFileLock();
  int result = -1;
  do {
    result = fcntl(descriptor, wait == Wait::kYes ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    const int error = errno;
    close(descriptor);
    if (error == EAGAIN || error == EACCES) {
      return absl::FailedPreconditionError(absl::StrCat(path, " is held by another process"));
    }
    return SystemError(error, "locking", path);
  }
  return std::unique_ptr<FileLock>(new FileLock(descriptor));
}

absl::StatusOr<bool> FileLock::IsHeld(const std::string& path) {
  const int descriptor = OpenRetrying(path, O_RDONLY);
  if (descriptor < 0 && errno == ENOENT) return false;
  if (descriptor < 0) return SystemError(errno, "opening", path);
  struct flock lock = WholeFileLock();
  const int result = fcntl(descriptor, F_OFD_GETLK, &lock);
  const int error = errno;
  close(descriptor);
  if (result != 0) return SystemError(error, "asking for the lock on", path);
  return lock.l_type != F_UNLCK;
}

FileLock::~FileLock() { close(descriptor_); }

}  // namespace sallyport::recorder
