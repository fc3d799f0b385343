#include "recorder/evidence/index_rows.h"

#include <utility>

#include "recorder/index/database.h"

namespace sallyport::recorder {
namespace {

class IndexRows : public IndexedCalls {
 public:
  IndexRows(std::unique_ptr<Database> database, Position end) : database_(std::move(database)), end_(end) {}

  Position end() const override { return end_; }

  absl::Status ForEach(const std::function<absl::Status(const Row&)>& row) override {
    absl::StatusOr<Statement> select = database_->Prepare("SELECT id, position, end_reason FROM calls ORDER BY id");
    if (!select.ok()) return select.status();
    while (true) {
      const absl::StatusOr<bool> more = select->Step();
      if (!more.ok()) return more.status();
      if (!*more) return absl::OkStatus();
      Row each;
      each.id = select->Unsigned(0);
      each.last = Position::FromPacked(select->Unsigned(1));
      each.open = select->Integer(2) == 0;
      if (absl::Status status = row(each); !status.ok()) return status;
    }
  }

 private:
  const std::unique_ptr<Database> database_;
  const Position end_;
};

absl::StatusOr<std::unique_ptr<IndexedCalls>> Open(const StoreLayout& layout, Database::Mode mode) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(layout.Index(), mode);
  if (!database.ok()) return database.status();
  // Everything is read in one transaction, so that it is one state of the index.
  if (absl::Status status = (*database)->Execute("BEGIN"); !status.ok()) return status;
  absl::StatusOr<Statement> progress = (*database)->Prepare("SELECT position FROM progress");
  if (!progress.ok()) return progress.status();
  const absl::StatusOr<bool> row = progress->Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::DataLossError("the index does not say how far it goes");
  const Position end = Position::FromPacked(progress->Unsigned(0));
  progress->Reset();
  return std::make_unique<IndexRows>(*std::move(database), end);
}

}  // namespace

absl::StatusOr<std::unique_ptr<IndexedCalls>> OpenIndexedCalls(const StoreLayout& layout) {
  absl::StatusOr<std::unique_ptr<IndexedCalls>> index = Open(layout, Database::Mode::kRead);
  if (index.ok() || absl::IsNotFound(index.status())) return index;
  // A directory that may not be written.
  absl::StatusOr<std::unique_ptr<IndexedCalls>> unwritten = Open(layout, Database::Mode::kReadOnly);
  return unwritten.ok() ? std::move(unwritten) : std::move(index);
}

}  // namespace sallyport::recorder
