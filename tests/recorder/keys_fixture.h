// What the tests of keys share.
#ifndef SALLYPORT_TESTS_RECORDER_KEYS_FIXTURE_H_
#define SALLYPORT_TESTS_RECORDER_KEYS_FIXTURE_H_

#include <spdlog/spdlog.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "recorder/format/store_layout.h"
#include "recorder/keys/store_keys.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// Each test makes a keyring, which the log would tell at length.
inline const bool kQuiet = (spdlog::set_level(spdlog::level::off), true);

// A directory that is removed in the end, with an empty data directory in it.
class KeysDirectory {
 public:
  KeysDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "keys-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    std::filesystem::create_directory(path_ + "/data");
  }
  ~KeysDirectory() { std::filesystem::remove_all(path_); }
  KeysDirectory(const KeysDirectory&) = delete;
  KeysDirectory& operator=(const KeysDirectory&) = delete;

  const std::string& path() const { return path_; }
  StoreLayout layout() const { return StoreLayout(path_ + "/data"); }
  std::string keyring() const { return path_ + "/data.keyring"; }

 private:
  std::string path_;
};

inline std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void PutFile(const std::string& path, const std::string& text, mode_t mode = 0600) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  REQUIRE(chmod(path.c_str(), mode) == 0);
}

inline mode_t ModeOf(const std::string& path) {
  struct stat info = {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

// A shell script that wraps by a substitution of characters, counting its runs in `counter`, as a key command.
inline std::string ToyCommand(const std::string& counter) {
  return "read -r op arg; echo \"$op\" >> " + counter +
         "; case \"$op\" in "
         "wrap) printf 'toy:'; printf '%s\\n' \"$arg\" | tr 'A-Za-z0-9' 'N-ZA-Mn-za-m5-90-4';; "
         "unwrap) printf '%s\\n' \"${arg#toy:}\" | tr 'N-ZA-Mn-za-m5-90-4' 'A-Za-z0-9';; "
         "*) exit 9;; esac";
}

// When those keyrings were made that OpenKeys makes.
constexpr absl::Time kMade = absl::FromUnixSeconds(1'700'000'000);

enum class Access { kRead, kWrite };

inline absl::StatusOr<std::unique_ptr<StoreKeys>> OpenKeys(const KeysDirectory& directory, Access access,
                                                           const std::optional<KeySource>& source = {},
                                                           FileSystem& files = RealFileSystem()) {
  if (access == Access::kRead) return StoreKeys::Open(directory.layout(), source);
  return StoreKeys::OpenOrCreate(directory.layout(), source, files, kMade);
}

inline bool Contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

inline std::string Said(const absl::Status& status) { return std::string(status.message()); }

// The real file system, but for one operation that fails, and all after it: what a crash leaves, as far as operations
// go. Counts all that change something.
class CutOffFileSystem : public FileSystem {
 public:
  explicit CutOffFileSystem(int operations_left) : left_(operations_left) {}

  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override {
    if (!Go()) return Cut();
    return Guarded(RealFileSystem().Create(path));
  }
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override {
    if (!Go()) return Cut();
    return Guarded(RealFileSystem().Open(path));
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return Go() ? RealFileSystem().Rename(from, to) : Cut();
  }
  absl::Status Remove(const std::string& path) override { return Go() ? RealFileSystem().Remove(path) : Cut(); }
  absl::Status SyncDirectory(const std::string& path) override {
    return Go() ? RealFileSystem().SyncDirectory(path) : Cut();
  }
  absl::Status EnsureDirectory(const std::string& path) override {
    return Go() ? RealFileSystem().EnsureDirectory(path) : Cut();
  }
  bool was_cut() const { return left_ < 0; }

 private:
  class GuardedFile : public File {
   public:
    GuardedFile(CutOffFileSystem& system, std::unique_ptr<File> file) : system_(system), file_(std::move(file)) {}
    absl::Status Write(uint64_t offset, std::string_view bytes) override {
      if (system_.Go()) return file_->Write(offset, bytes);
      // Half of it arrives.
      if (system_.left_ == -1) (void)file_->Write(offset, bytes.substr(0, bytes.size() / 2));
      return Cut();
    }
    absl::Status Sync() override { return system_.Go() ? file_->Sync() : Cut(); }
    absl::Status Truncate(uint64_t size) override { return system_.Go() ? file_->Truncate(size) : Cut(); }
    absl::Status Allocate(uint64_t offset, uint64_t size) override {
      return system_.Go() ? file_->Allocate(offset, size) : Cut();
    }

   private:
    CutOffFileSystem& system_;
    std::unique_ptr<File> file_;
  };

  bool Go() { return --left_ >= 0; }
  static absl::Status Cut() { return absl::UnavailableError("cut off"); }
  absl::StatusOr<std::unique_ptr<File>> Guarded(absl::StatusOr<std::unique_ptr<File>> file) {
    if (!file.ok()) return file.status();
    return std::make_unique<GuardedFile>(*this, *std::move(file));
  }

  int left_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_KEYS_FIXTURE_H_
