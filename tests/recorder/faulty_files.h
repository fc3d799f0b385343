// A file system that fails or waits when it is told to.
#ifndef SALLYPORT_TESTS_RECORDER_FAULTY_FILES_H_
#define SALLYPORT_TESTS_RECORDER_FAULTY_FILES_H_

#include <cerrno>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "recorder/system/file.h"

namespace sallyport::recorder {

// What changes a file system, one operation each.
enum class Operation {
  kCreate,
  kOpen,
  kRename,
  kRemove,
  kSyncDirectory,
  kEnsureDirectory,
  kWrite,
  kSync,
  kTruncate,
  kAllocate
};

// Passes everything on to the real one, but asks before each operation. Thread-safe.
class FaultyFiles : public FileSystem {
 public:
  // How much of a write that fails arrives: what a disk leaves that fails before, within or behind it.
  enum class Arrives { kNothing, kHalf, kAll };
  // What is to happen to an operation: 0, or the error number it fails with.
  using Judge = std::function<int(Operation operation, const std::string& path)>;

  explicit FaultyFiles(Arrives arrives = Arrives::kHalf) : arrives_(arrives) {}

  // Asked from whatever thread performs the operation; may block.
  void SetJudge(Judge judge) {
    std::lock_guard lock(mutex_);
    judge_ = std::move(judge);
  }

  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override {
    if (absl::Status status = Ask(Operation::kCreate, path); !status.ok()) return status;
    return Wrap(RealFileSystem().Create(path), path);
  }
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override {
    if (absl::Status status = Ask(Operation::kOpen, path); !status.ok()) return status;
    return Wrap(RealFileSystem().Open(path), path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    const absl::Status status = Ask(Operation::kRename, to);
    return status.ok() ? RealFileSystem().Rename(from, to) : status;
  }
  absl::Status Remove(const std::string& path) override {
    const absl::Status status = Ask(Operation::kRemove, path);
    return status.ok() ? RealFileSystem().Remove(path) : status;
  }
  absl::Status SyncDirectory(const std::string& path) override {
    const absl::Status status = Ask(Operation::kSyncDirectory, path);
    return status.ok() ? RealFileSystem().SyncDirectory(path) : status;
  }
  absl::Status EnsureDirectory(const std::string& path) override {
    const absl::Status status = Ask(Operation::kEnsureDirectory, path);
    return status.ok() ? RealFileSystem().EnsureDirectory(path) : status;
  }

 private:
  class FaultyFile : public File {
   public:
    FaultyFile(FaultyFiles& files, std::unique_ptr<File> file, std::string path)
        : files_(files), file_(std::move(file)), path_(std::move(path)) {}
    absl::Status Write(uint64_t offset, std::string_view bytes) override {
      if (absl::Status status = files_.Ask(Operation::kWrite, path_); !status.ok()) {
        file_->Write(offset, files_.Arriving(bytes)).IgnoreError();
        return status;
      }
      return file_->Write(offset, bytes);
    }
    absl::Status Sync() override {
      const absl::Status status = files_.Ask(Operation::kSync, path_);
      return status.ok() ? file_->Sync() : status;
    }
    absl::Status Truncate(uint64_t size) override {
      const absl::Status status = files_.Ask(Operation::kTruncate, path_);
      return status.ok() ? file_->Truncate(size) : status;
    }
    absl::Status Allocate(uint64_t offset, uint64_t size) override {
      const absl::Status status = files_.Ask(Operation::kAllocate, path_);
      return status.ok() ? file_->Allocate(offset, size) : status;
    }

   private:
    FaultyFiles& files_;
    std::unique_ptr<File> file_;
    const std::string path_;
  };

  std::string_view Arriving(std::string_view bytes) const {
    switch (arrives_) {
      case Arrives::kNothing:
        return {};
      case Arrives::kHalf:
        return bytes.substr(0, bytes.size() / 2);
      case Arrives::kAll:
        break;
    }
    return bytes;
  }
  absl::Status Ask(Operation operation, const std::string& path) {
    Judge judge;
    {
      std::lock_guard lock(mutex_);
      judge = judge_;
    }
    const int error = judge ? judge(operation, path) : 0;
    return error == 0 ? absl::OkStatus() : absl::ErrnoToStatus(error, "a faulty file: " + path);
  }
  absl::StatusOr<std::unique_ptr<File>> Wrap(absl::StatusOr<std::unique_ptr<File>> file, const std::string& path) {
    if (!file.ok()) return file.status();
    return std::make_unique<FaultyFile>(*this, *std::move(file), path);
  }

  const Arrives arrives_;
  std::mutex mutex_;
  Judge judge_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_FAULTY_FILES_H_
