// A disk on which there is only so much space for the log.
#ifndef SALLYPORT_TESTS_RECORDER_WRITE_SMALL_DISK_H_
#define SALLYPORT_TESTS_RECORDER_WRITE_SMALL_DISK_H_

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "recorder/system/file.h"

namespace sallyport::recorder {

// Passes everything on to the real file system, but counts what files of the log take, by what was written to them or
// taken for them, and has no more than it was given. Thread-safe.
class SmallDisk : public FileSystem {
 public:
  explicit SmallDisk(uint64_t bytes) : free_(bytes) {}

  void Grow(uint64_t bytes) {
    std::lock_guard lock(mutex_);
    free_ += bytes;
  }
  // All that is free is gone.
  void Fill() {
    std::lock_guard lock(mutex_);
    free_ = 0;
  }

  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override {
    return Wrap(RealFileSystem().Create(path), path);
  }
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override {
    return Wrap(RealFileSystem().Open(path), path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return RealFileSystem().Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override {
    const absl::Status status = RealFileSystem().Remove(path);
    std::lock_guard lock(mutex_);
    if (const auto file = made_.find(path); status.ok() && file != made_.end()) {
      free_ += std::exchange(*file->second, 0);
    }
    return status;
  }
  absl::Status SyncDirectory(const std::string& path) override { return RealFileSystem().SyncDirectory(path); }
  absl::Status EnsureDirectory(const std::string& path) override { return RealFileSystem().EnsureDirectory(path); }

 private:
  class CountedFile : public File {
   public:
    CountedFile(SmallDisk& disk, std::unique_ptr<File> file, std::shared_ptr<uint64_t> size, std::string path)
        : disk_(disk), file_(std::move(file)), size_(std::move(size)), path_(std::move(path)) {}
    absl::Status Write(uint64_t offset, std::string_view bytes) override {
      const absl::Status status = disk_.Take(*size_, offset + bytes.size(), path_);
      return status.ok() ? file_->Write(offset, bytes) : status;
    }
    absl::Status Sync() override { return file_->Sync(); }
    absl::Status Truncate(uint64_t size) override {
      disk_.GiveBack(*size_, size);
      return file_->Truncate(size);
    }
    absl::Status Allocate(uint64_t offset, uint64_t size) override {
      const absl::Status status = disk_.Take(*size_, offset + size, path_);
      return status.ok() ? file_->Allocate(offset, size) : status;
    }

   private:
    SmallDisk& disk_;
    std::unique_ptr<File> file_;
    const std::shared_ptr<uint64_t> size_;
    const std::string path_;
  };

  absl::StatusOr<std::unique_ptr<File>> Wrap(absl::StatusOr<std::unique_ptr<File>> file, const std::string& path) {
    if (!file.ok() || path.find("/log/") == std::string::npos) return file;
    auto size = std::make_shared<uint64_t>(0);
    {
      std::lock_guard lock(mutex_);
      made_[path] = size;
    }
    return std::make_unique<CountedFile>(*this, *std::move(file), std::move(size), path);
  }
  absl::Status Take(uint64_t& size, uint64_t wanted, const std::string& path) {
    std::lock_guard lock(mutex_);
    if (wanted <= size) return absl::OkStatus();
    if (wanted - size > free_) return absl::ErrnoToStatus(ENOSPC, "a small disk: " + path);
    free_ -= wanted - size;
    size = wanted;
    return absl::OkStatus();
  }
  void GiveBack(uint64_t& size, uint64_t left) {
    std::lock_guard lock(mutex_);
    if (left < size) free_ += size - left;
    size = std::min(size, left);
  }

  std::mutex mutex_;
  uint64_t free_;
  std::map<std::string, std::shared_ptr<uint64_t>> made_;  // the file that was made last under a path
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_WRITE_SMALL_DISK_H_
