// What a disk may hold after the power failed at any moment of a run.
#ifndef SALLYPORT_TESTS_RECORDER_WRITE_CRASHING_FILES_H_
#define SALLYPORT_TESTS_RECORDER_WRITE_CRASHING_FILES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// One change of the file system, in the order in which they were done.
struct Change {
  enum class Kind {
    kCreate,
    kRename,
    kRemove,
    kSyncDirectory,
    kMakeDirectory,
    kWrite,
    kTruncate,
    kAllocate,
    kSync,
    kMark,  // nothing of the disk's: what the run itself notes
  };
  Kind kind = Kind::kMark;
  std::string path;     // of the file or directory; of a mark what it says
  std::string to;       // of a rename
  int inode = 0;        // of what is done to a file
  uint64_t offset = 0;  // of a truncation the size, of a mark what it is about
  uint64_t size = 0;    // of an allocation
  std::string bytes;    // of a write
};

// A directory, with all in it, as paths and bytes.
using Files = std::map<std::string, std::string>;
Files ReadFiles(const std::string& directory);
// Makes the directory, and what is in it.
void PutFiles(const std::string& directory, const Files& files);

// Passes everything on to the real file system and notes it. Thread-safe. What is changed by other ways (locks, SQLite)
// is not noted: such files are not there after the power failed.
class NotingFiles : public FileSystem {
 public:
  // Of what is there already all is on disk. All paths that are used are below `root`.
  explicit NotingFiles(const std::string& root);

  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::Status EnsureDirectory(const std::string& path) override;

  // Notes that something has been promised: it holds whenever the power fails from here on.
  void Mark(const std::string& what, uint64_t about = 0);

  const std::string& root() const { return root_; }
  const Files& at_first() const { return at_first_; }
  std::vector<Change> changes() const;

 private:
  class NotedFile;

  int InodeOf(const std::string& path);  // with the lock held

  const std::string root_;
  const Files at_first_;
  mutable std::mutex mutex_;
  std::vector<Change> changes_;
  std::map<std::string, int> inodes_;  // by path, as the running system sees it
  int last_inode_ = 0;
};

// What is on disk for certain, and what may be. A file's bytes are certain once it is synced, a name once its directory
// is; of the rest each change may have arrived or not, whatever became of the others; of a write that is not certain a
// half may have arrived, or only its length.
class Disk {
 public:
  explicit Disk(const NotingFiles& files);
  void Apply(const Change& change);
  // All that the disk may hold now, if that is no more than `most`; otherwise the extremes, and others at random. Each
  // state once.
  void ForEachState(size_t most, std::mt19937& random, absl::FunctionRef<void(const Files&)> state) const;

 private:
  enum class Fate { kLost, kKept, kHalf, kZeros };
  struct Pending {
    Change change;
    bool is_name;
  };

  static void ApplyToBytes(const Change& change, Fate fate, std::string* bytes);
  static void ApplyToNames(const Change& change, std::map<std::string, int>* names);
  Files StateOf(const std::vector<Fate>& fates) const;

  std::map<std::string, int> names_;  // certain
  std::map<int, std::string> bytes_;  // certain
  std::vector<Pending> pending_;      // in order
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_WRITE_CRASHING_FILES_H_
