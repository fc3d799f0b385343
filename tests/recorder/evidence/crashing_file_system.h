// A file system that fails on command, and forgets what was not synced.
#ifndef SALLYPORT_TESTS_RECORDER_EVIDENCE_CRASHING_FILE_SYSTEM_H_
#define SALLYPORT_TESTS_RECORDER_EVIDENCE_CRASHING_FILE_SYSTEM_H_

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "recorder/system/file.h"

namespace sallyport::recorder::testing {

// Works on the real one below, and keeps beside it what would be left of the files made through it if power failed:
// their bytes at the last sync, under the names at the last sync of the directory. So nothing needs to be synced for
// real. Thread-safe.
class CrashingFileSystem : public FileSystem {
 public:
  enum class Effect {
    kNone,  // the operation that fails does nothing
    kHalf,  // a write writes the first half; others do nothing
    kAll,   // it is done, but reported as failed
  };
  enum class Then {
    kFailAll,   // every later operation fails, too, and does nothing
    kWorkAgain  // only this one
  };

  // The operation with this number, from 0, fails.
  void FailAt(int operation, Effect effect, Then then) {
    fail_at_ = operation;
    effect_ = effect;
    then_ = then;
  }
  int operations() const { return next_; }

  // Puts all files back to what is sure to be left after a power failure.
  void LoseUnsynced() {
    std::lock_guard lock(mutex_);
    for (const auto& [path, file] : names_) std::filesystem::remove(path);
    for (const auto& [path, file] : synced_names_) std::ofstream(path, std::ios::binary) << *file;
  }
  // What of a file is sure to be left.
  std::string Synced(const std::string& path) {
    std::lock_guard lock(mutex_);
    const auto found = synced_names_.find(path);
    return found == synced_names_.end() ? "" : *found->second;
  }

  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override {
    const Turn turn = Take();
    if (!turn.act) return turn.status;
    auto file = RealFileSystem().Create(path);
    if (!file.ok() || !turn.status.ok()) return turn.status.ok() ? file.status() : turn.status;
    std::lock_guard lock(mutex_);
    names_[path] = std::make_shared<std::string>();
    return std::make_unique<CrashingFile>(*this, path, *std::move(file), names_[path]);
  }
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override {
    const Turn turn = Take();
    if (!turn.status.ok()) return turn.status;
    auto file = RealFileSystem().Open(path);
    if (!file.ok()) return file.status();
    std::lock_guard lock(mutex_);
    Know(path);
    return std::make_unique<CrashingFile>(*this, path, *std::move(file), names_[path]);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    const Turn turn = Take();
    if (!turn.act) return turn.status;
    std::lock_guard lock(mutex_);
    Know(to);
    if (absl::Status status = RealFileSystem().Rename(from, to); !status.ok()) return status;
    names_[to] = names_[from];
    names_.erase(from);
    return turn.status;
  }
  absl::Status Remove(const std::string& path) override {
    const Turn turn = Take();
    if (!turn.act) return turn.status;
    std::lock_guard lock(mutex_);
    Know(path);
    if (absl::Status status = RealFileSystem().Remove(path); !status.ok()) return status;
    names_.erase(path);
    return turn.status;
  }
  absl::Status SyncDirectory(const std::string& path) override {
    const Turn turn = Take();
    if (!turn.act) return turn.status;
    std::lock_guard lock(mutex_);
    std::erase_if(synced_names_, [&](const auto& entry) { return entry.first.starts_with(path + "/"); });
    for (const auto& [name, bytes] : names_) {
      if (name.starts_with(path + "/")) synced_names_[name] = bytes;
    }
    return turn.status;
  }
  absl::Status EnsureDirectory(const std::string& path) override {
    const Turn turn = Take();
    std::error_code error;
    if (turn.act) std::filesystem::create_directory(path, error);
    return error ? absl::UnknownError(error.message()) : turn.status;
  }

 private:
  struct Turn {
    absl::Status status;
    bool act = true;
    bool half = false;
  };

  class CrashingFile : public File {
   public:
    CrashingFile(CrashingFileSystem& system, std::string path, std::unique_ptr<File> file,
                 std::shared_ptr<std::string> synced)
        : system_(system), path_(std::move(path)), file_(std::move(file)), synced_(std::move(synced)) {}
    absl::Status Write(uint64_t offset, std::string_view bytes) override {
      const Turn turn = Take();
      if (turn.half) bytes = bytes.substr(0, bytes.size() / 2);
      if (turn.act || turn.half) {
        if (absl::Status status = file_->Write(offset, bytes); !status.ok()) return status;
      }
      return turn.status;
    }
    absl::Status Sync() override {
      const Turn turn = Take();
      if (!turn.act) return turn.status;
      std::lock_guard lock(system_.mutex_);
      *synced_ = Contents(path_);
      return turn.status;
    }
    absl::Status Truncate(uint64_t size) override {
      const Turn turn = Take();
      return turn.act ? file_->Truncate(size) : turn.status;
    }
    absl::Status Allocate(uint64_t offset, uint64_t size) override {
      const Turn turn = Take();
      return turn.act ? file_->Allocate(offset, size) : turn.status;
    }

   private:
    // After an error a file is of no use any more: it never works again.
    Turn Take() {
      Turn turn = system_.Take();
      if (broken_) turn = {absl::UnavailableError("a file was used again after an error"), false};
      broken_ = !turn.status.ok();
      return turn;
    }

    CrashingFileSystem& system_;
    const std::string path_;  // files are not renamed while they are open
    const std::unique_ptr<File> file_;
    const std::shared_ptr<std::string> synced_;
    bool broken_ = false;
  };

  // A file from before counts as synced.
  void Know(const std::string& path) {
    if (names_.contains(path) || !std::filesystem::exists(path)) return;
    names_[path] = synced_names_[path] = std::make_shared<std::string>(Contents(path));
  }

  static std::string Contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  Turn Take() {
    const int number = next_++;
    if (number < fail_at_ || (number > fail_at_ && then_ == Then::kWorkAgain)) return {};
    const absl::Status failure = absl::UnavailableError("the disk fails");
    if (number > fail_at_) return {failure, false};
    return {failure, effect_ == Effect::kAll, effect_ == Effect::kHalf};
  }

  std::atomic<int> next_ = 0;
  int fail_at_ = 1 << 30;
  Effect effect_ = Effect::kNone;
  Then then_ = Then::kFailAll;

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<std::string>> names_;
  std::map<std::string, std::shared_ptr<std::string>> synced_names_;
};

}  // namespace sallyport::recorder::testing

#endif  // SALLYPORT_TESTS_RECORDER_EVIDENCE_CRASHING_FILE_SYSTEM_H_
