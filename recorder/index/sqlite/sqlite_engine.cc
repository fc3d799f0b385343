#include "recorder/index/sqlite/sqlite_engine.h"

#include <stdio.h>

#include <cerrno>
#include <string>
#include <utility>

#include "recorder/index/sqlite/sqlite_index.h"
#include "recorder/index/sqlite/sqlite_search.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {
namespace {

class FileEngine : public IndexEngine {
 public:
  FileEngine(const StoreLayout& layout, std::shared_ptr<const NameSealer> sealer)
      : layout_(layout), sealer_(std::move(sealer)) {}

  absl::StatusOr<std::unique_ptr<CallIndex>> Open() override { return SqliteIndex::Open(layout_.Index(), sealer_); }
  absl::Status Remove() override { return SqliteIndex::Remove(layout_.Index()); }

  absl::StatusOr<std::unique_ptr<CallIndex>> BeginRebuild() override {
    if (absl::Status status = SqliteIndex::Remove(layout_.RebuiltIndex()); !status.ok()) return status;
    return SqliteIndex::Open(layout_.RebuiltIndex(), sealer_, SqliteIndex::Purpose::kRebuild);
  }

  absl::Status FinishRebuild(std::unique_ptr<CallIndex> rebuilt) override {
    if (absl::Status status = static_cast<SqliteIndex&>(*rebuilt).FinishRebuild(); !status.ok()) return status;
    rebuilt.reset();
    // It is closed, so all of it is in its one file, which nobody has synced yet.
    if (absl::Status status = SyncFile(layout_.RebuiltIndex()); !status.ok()) return status;
    if (absl::Status status = Remove(); !status.ok()) return status;
    if (rename(layout_.RebuiltIndex().c_str(), layout_.Index().c_str()) != 0) {
      return SystemError(errno, "renaming to", layout_.Index());
    }
    return RealFileSystem().SyncDirectory(layout_.IndexDirectory());
  }

  absl::StatusOr<std::unique_ptr<CallSearch>> OpenSearch(Access access) override {
    return SqliteSearch::Open(
        layout_.Index(), access == Access::kUnwritten ? Database::Mode::kReadOnly : Database::Mode::kRead, sealer_);
  }

 private:
  static absl::Status SyncFile(const std::string& path) {
    absl::StatusOr<std::unique_ptr<File>> file = RealFileSystem().Open(path);
    return file.ok() ? (*file)->Sync() : file.status();
  }

  const StoreLayout layout_;
  const std::shared_ptr<const NameSealer> sealer_;
};

}  // namespace

absl::Status CheckIndexVersion(const StoreLayout& layout) { return SqliteIndex::CheckVersion(layout.Index()); }

std::unique_ptr<IndexEngine> SqliteEngine(const StoreLayout& layout, std::shared_ptr<const NameSealer> sealer) {
  return std::make_unique<FileEngine>(layout, std::move(sealer));
}

}  // namespace sallyport::recorder
