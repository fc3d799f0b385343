#include "recorder/backup/copied_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

constexpr size_t kPiece = size_t{1} << 20;

// A descriptor that is closed.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int get() const { return number_; }
  int Release() { return std::exchange(number_, -1); }
  void Replace(int number) {
    if (number_ >= 0) close(number_);
    number_ = number;
  }

 private:
  int number_;
};

int OpenAt(int directory, const std::string& name, int flags) {
  int descriptor = -1;
  do {
    descriptor = openat(directory, name.c_str(), flags | O_RDONLY | O_CLOEXEC);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

absl::Status Strange(const std::string& path) {
  return absl::DataLossError(
      absl::StrCat(path, " is no plain file or directory: a backup holds nothing else, and no links"));
}

absl::Status ListInto(const std::string& root, const std::string& below, int depth, Listing& listing) {
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(below.empty() ? root : absl::StrCat(root, "/", below));
  if (!names.ok()) return names.status();
  std::sort(names->begin(), names->end());
  for (const std::string& name : *names) {
    const std::string path = below.empty() ? name : absl::StrCat(below, "/", name);
    const std::string full = absl::StrCat(root, "/", path);
    struct stat info = {};
    if (lstat(full.c_str(), &info) != 0) return SystemError(errno, "looking at", full);
    if (S_ISREG(info.st_mode)) {
      listing.files.push_back(path);
    } else if (S_ISDIR(info.st_mode) && depth > 1) {
      listing.directories.push_back(path);
      if (absl::Status status = ListInto(root, path, depth - 1, listing); !status.ok()) return status;
    } else {
      return Strange(full);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<InputFile> InputFile::Open(const std::string& path) {
  // A pipe must not hold it up.
  Descriptor descriptor(OpenAt(AT_FDCWD, path, O_NONBLOCK));
  if (descriptor.get() < 0) return SystemError(errno, "opening", path);
  struct stat info = {};
  if (fstat(descriptor.get(), &info) != 0) return SystemError(errno, "looking at", path);
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is no plain file"));
  return InputFile(descriptor.Release(), path);
}

absl::StatusOr<InputFile> InputFile::OpenBeneath(const std::string& root, const std::string& path) {
  const std::string full = absl::StrCat(root, "/", path);
  Descriptor at(OpenAt(AT_FDCWD, root, O_DIRECTORY));
  if (at.get() < 0) return SystemError(errno, "opening", root);
  std::string_view left = path;
  while (true) {
    const size_t end = std::min(left.find('/'), left.size());
    const std::string name(left.substr(0, end));
    const bool last = end == left.size();
    const int next = OpenAt(at.get(), name, O_NOFOLLOW | (last ? O_NONBLOCK : O_DIRECTORY));
    // ELOOP: it is a link. Asked for a directory, the system says ENOTDIR of one.
    if (next < 0 && (errno == ELOOP || errno == ENOTDIR)) return Strange(full);
    if (next < 0) return SystemError(errno, "opening", full);
    at.Replace(next);
    if (last) break;
    left.remove_prefix(end + 1);
  }
  struct stat info = {};
  if (fstat(at.get(), &info) != 0) return SystemError(errno, "looking at", full);
  if (!S_ISREG(info.st_mode)) return Strange(full);
  return InputFile(at.Release(), full);
}

InputFile::InputFile(InputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) close(descriptor_);
    descriptor_ = std::exchange(other.descriptor_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::StatusOr<uint64_t> InputFile::Size() const {
  struct stat info = {};
  if (fstat(descriptor_, &info) != 0) return SystemError(errno, "asking the size of", path_);
  return static_cast<uint64_t>(info.st_size);
}

absl::StatusOr<size_t> InputFile::Read(uint64_t offset, size_t size, char* out) const {
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

absl::Status InputFile::Sync() const {
  return fdatasync(descriptor_) == 0 ? absl::OkStatus() : SystemError(errno, "syncing", path_);
}

void InputFile::ForgetCached() const {
  // Only advice: nothing is wrong if it is not taken.
  static_cast<void>(posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED));
}

absl::Status ReadThrough(const InputFile& file, uint64_t size,
                         absl::FunctionRef<absl::Status(std::string_view piece)> piece) {
  std::string bytes(std::min<uint64_t>(kPiece, size), '\0');
  for (uint64_t at = 0; at < size;) {
    const size_t wanted = std::min<uint64_t>(bytes.size(), size - at);
    const absl::StatusOr<size_t> got = file.Read(at, wanted, bytes.data());
    if (!got.ok()) return got.status();
    if (*got < wanted) {
      return absl::DataLossError(
          absl::StrCat(file.path(), " ends after ", at + *got, " bytes, and ", size, " were expected"));
    }
    if (absl::Status status = piece(std::string_view(bytes).substr(0, wanted)); !status.ok()) return status;
    at += wanted;
  }
  return absl::OkStatus();
}

absl::StatusOr<Hash> HashOf(const InputFile& file, uint64_t size) {
  Sha256Stream hash;
  const absl::Status read = ReadThrough(file, size, [&](std::string_view piece) {
    hash.Add(piece);
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return hash.Finish();
}

absl::StatusOr<Hash> WriteWhole(FileSystem& files, const std::string& path,
                                absl::FunctionRef<absl::Status(TakePiece)> write) {
  const std::string part = path + ".part";
  if (absl::Status status = files.Remove(part); !status.ok() && !absl::IsNotFound(status)) return status;
  Sha256Stream hash;
  {
    absl::StatusOr<std::unique_ptr<File>> file = files.Create(part);
    if (!file.ok()) return file.status();
    uint64_t at = 0;
    const absl::Status written = write([&](std::string_view piece) {
      hash.Add(piece);
      const uint64_t offset = std::exchange(at, at + piece.size());
      return (*file)->Write(offset, piece);
    });
    if (!written.ok()) return written;
    if (absl::Status status = (*file)->Sync(); !status.ok()) return status;
  }
  if (absl::Status status = files.Rename(part, path); !status.ok()) return status;
  return hash.Finish();
}

absl::Status MakeWay(FileSystem& files, const std::string& root, std::string_view path) {
  for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
    const absl::Status made = files.EnsureDirectory(absl::StrCat(root, "/", View(path.substr(0, slash))));
    if (!made.ok()) return made;
  }
  return absl::OkStatus();
}

absl::StatusOr<Listing> ListBeneath(const std::string& root, int depth) {
  Listing listing;
  if (absl::Status status = ListInto(root, "", depth, listing); !status.ok()) return status;
  return listing;
}

}  // namespace sallyport::recorder
