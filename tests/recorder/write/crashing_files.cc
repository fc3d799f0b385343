#include "tests/recorder/write/crashing_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

namespace sallyport::recorder {
namespace {

namespace fs = std::filesystem;
using Kind = Change::Kind;

std::string DirectoryOf(const std::string& path) { return fs::path(path).parent_path().string(); }

bool IsNameChange(Kind kind) { return kind == Kind::kCreate || kind == Kind::kRename || kind == Kind::kRemove; }

}  // namespace

Files ReadFiles(const std::string& directory) {
  Files files;
  if (!fs::exists(directory)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream stream(entry.path(), std::ios::binary);
    files[entry.path()] = std::string(std::istreambuf_iterator<char>(stream), {});
  }
  return files;
}

void PutFiles(const std::string& directory, const Files& files) {
  fs::create_directories(directory);
  for (const auto& [path, bytes] : files) {
    fs::create_directories(DirectoryOf(path));
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    REQUIRE(chmod(path.c_str(), 0600) == 0);
  }
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_directory()) fs::permissions(entry.path(), fs::perms::owner_all);
  }
}

class NotingFiles::NotedFile : public File {
 public:
  NotedFile(NotingFiles& files, std::unique_ptr<File> file, int inode)
      : files_(files), file_(std::move(file)), inode_(inode) {}

  absl::Status Write(uint64_t offset, std::string_view bytes) override {
    Change change{Kind::kWrite, "", "", inode_, offset};
    change.bytes = bytes;
    return Do(std::move(change), [&] { return file_->Write(offset, bytes); });
  }
  absl::Status Sync() override {
    return Do({Kind::kSync, "", "", inode_}, [&] { return file_->Sync(); });
  }
  absl::Status Truncate(uint64_t size) override {
    return Do({Kind::kTruncate, "", "", inode_, size}, [&] { return file_->Truncate(size); });
  }
  absl::Status Allocate(uint64_t offset, uint64_t size) override {
    return Do({Kind::kAllocate, "", "", inode_, offset, size}, [&] { return file_->Allocate(offset, size); });
  }

 private:
  absl::Status Do(Change change, absl::FunctionRef<absl::Status()> act) {
    std::lock_guard lock(files_.mutex_);
    absl::Status status = act();
    if (status.ok()) files_.changes_.push_back(std::move(change));
    return status;
  }

  NotingFiles& files_;
  const std::unique_ptr<File> file_;
  const int inode_;
};

NotingFiles::NotingFiles(const std::string& root) : root_(root), at_first_(ReadFiles(root)) {
  for (const auto& [path, bytes] : at_first_) inodes_[path] = ++last_inode_;
}

absl::StatusOr<std::unique_ptr<File>> NotingFiles::Create(const std::string& path) {
  std::lock_guard lock(mutex_);
  absl::StatusOr<std::unique_ptr<File>> file = RealFileSystem().Create(path);
  if (!file.ok()) return file;
  inodes_[path] = ++last_inode_;
  changes_.push_back({Kind::kCreate, path, "", last_inode_});
  return std::make_unique<NotedFile>(*this, *std::move(file), last_inode_);
}

absl::StatusOr<std::unique_ptr<File>> NotingFiles::Open(const std::string& path) {
  std::lock_guard lock(mutex_);
  absl::StatusOr<std::unique_ptr<File>> file = RealFileSystem().Open(path);
  if (!file.ok()) return file;
  return std::make_unique<NotedFile>(*this, *std::move(file), InodeOf(path));
}

int NotingFiles::InodeOf(const std::string& path) {
  const auto found = inodes_.find(path);
  REQUIRE(found != inodes_.end());
  return found->second;
}

absl::Status NotingFiles::Rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  // Between directories a rename would take two syncs.
  REQUIRE(DirectoryOf(from) == DirectoryOf(to));
  const absl::Status status = RealFileSystem().Rename(from, to);
  if (!status.ok()) return status;
  const int inode = InodeOf(from);
  inodes_.erase(from);
  inodes_[to] = inode;
  changes_.push_back({Kind::kRename, from, to, inode});
  return status;
}

absl::Status NotingFiles::Remove(const std::string& path) {
  std::lock_guard lock(mutex_);
  const absl::Status status = RealFileSystem().Remove(path);
  if (!status.ok()) return status;
  inodes_.erase(path);
  changes_.push_back({Kind::kRemove, path});
  return status;
}

absl::Status NotingFiles::SyncDirectory(const std::string& path) {
  std::lock_guard lock(mutex_);
  absl::Status status = RealFileSystem().SyncDirectory(path);
  if (status.ok()) changes_.push_back({Kind::kSyncDirectory, path});
  return status;
}

absl::Status NotingFiles::EnsureDirectory(const std::string& path) {
  std::lock_guard lock(mutex_);
  absl::Status status = RealFileSystem().EnsureDirectory(path);
  if (status.ok()) changes_.push_back({Kind::kMakeDirectory, path});
  return status;
}

void NotingFiles::Mark(const std::string& what, uint64_t about) {
  std::lock_guard lock(mutex_);
  changes_.push_back({Kind::kMark, what, "", 0, about});
}

std::vector<Change> NotingFiles::changes() const {
  std::lock_guard lock(mutex_);
  return changes_;
}

Disk::Disk(const NotingFiles& files) {
  int inode = 0;
  for (const auto& [path, bytes] : files.at_first()) {
    names_[path] = ++inode;
    bytes_[inode] = bytes;
  }
}

void Disk::ApplyToBytes(const Change& change, Fate fate, std::string* bytes) {
  if (fate == Fate::kLost) return;
  switch (change.kind) {
    case Kind::kWrite: {
      const uint64_t size = fate == Fate::kHalf ? change.bytes.size() / 2 : change.bytes.size();
      if (bytes->size() < change.offset + size) bytes->resize(change.offset + size, '\0');
      if (fate != Fate::kZeros) bytes->replace(change.offset, size, change.bytes, 0, size);
      break;
    }
    case Kind::kTruncate:
      bytes->resize(change.offset, '\0');
      break;
    case Kind::kAllocate:
      if (bytes->size() < change.offset + change.size) bytes->resize(change.offset + change.size, '\0');
      break;
    default:
      break;
  }
}

void Disk::ApplyToNames(const Change& change, std::map<std::string, int>* names) {
  switch (change.kind) {
    case Kind::kCreate:
      (*names)[change.path] = change.inode;
      break;
    case Kind::kRename:
      names->erase(change.path);
      (*names)[change.to] = change.inode;
      break;
    case Kind::kRemove:
      names->erase(change.path);
      break;
    default:
      break;
  }
}

void Disk::Apply(const Change& change) {
  const auto settle = [&](auto is_settled) {
    for (const Pending& pending : pending_) {
      if (!is_settled(pending)) continue;
      if (pending.is_name) {
        ApplyToNames(pending.change, &names_);
      } else {
        ApplyToBytes(pending.change, Fate::kKept, &bytes_[pending.change.inode]);
      }
    }
    std::erase_if(pending_, is_settled);
  };
  switch (change.kind) {
    case Kind::kSync:
      settle([&](const Pending& pending) { return !pending.is_name && pending.change.inode == change.inode; });
      break;
    case Kind::kSyncDirectory:
      settle(
          [&](const Pending& pending) { return pending.is_name && DirectoryOf(pending.change.path) == change.path; });
      break;
    case Kind::kMakeDirectory:  // lasts, as the file system promises
    case Kind::kMark:
      break;
    default:
      pending_.push_back({change, IsNameChange(change.kind)});
      break;
  }
}

Files Disk::StateOf(const std::vector<Fate>& fates) const {
  std::map<std::string, int> names = names_;
  std::map<int, std::string> bytes = bytes_;
  for (size_t i = 0; i < pending_.size(); ++i) {
    const auto& [change, is_name] = pending_[i];
    if (!is_name) {
      ApplyToBytes(change, fates[i], &bytes[change.inode]);
    } else if (fates[i] == Fate::kKept) {
      ApplyToNames(change, &names);
    }
  }
  Files files;
  for (const auto& [path, inode] : names) files[path] = bytes[inode];
  return files;
}

void Disk::ForEachState(size_t most, std::mt19937& random, absl::FunctionRef<void(const Files&)> state) const {
  std::vector<std::vector<Fate>> choices = {std::vector<Fate>(pending_.size(), Fate::kLost),
                                            std::vector<Fate>(pending_.size(), Fate::kKept)};
  const auto fates_of = [&](const Pending& pending) {
    return pending.change.kind == Kind::kWrite ? std::vector<Fate>{Fate::kLost, Fate::kKept, Fate::kHalf, Fate::kZeros}
                                               : std::vector<Fate>{Fate::kLost, Fate::kKept};
  };
  size_t all = 1;
  for (const Pending& pending : pending_) all = std::min(all * fates_of(pending).size(), most + 1);
  if (all <= most) {
    choices = {{}};
    for (const Pending& pending : pending_) {
      std::vector<std::vector<Fate>> longer;
      for (const std::vector<Fate>& choice : choices) {
        for (const Fate fate : fates_of(pending)) {
          longer.push_back(choice);
          longer.back().push_back(fate);
        }
      }
      choices = std::move(longer);
    }
  } else {
    while (choices.size() < most) {
      std::vector<Fate> choice;
      for (const Pending& pending : pending_) {
        const std::vector<Fate> fates = fates_of(pending);
        choice.push_back(fates[random() % fates.size()]);
      }
      choices.push_back(std::move(choice));
    }
  }
  std::set<Files> seen;
  for (const std::vector<Fate>& choice : choices) {
    Files files = StateOf(choice);
    if (seen.insert(files).second) state(files);
  }
}

}  // namespace sallyport::recorder
