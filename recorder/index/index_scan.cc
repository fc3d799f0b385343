#include "recorder/index/index_scan.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/index/call_finder.h"
#include "recorder/index/call_summary.h"
#include "recorder/index/schema.h"
#include "recorder/text.h"

namespace sallyport::recorder {

absl::StatusOr<std::unique_ptr<IndexScan>> IndexScan::Open(const std::string& path, Database::Mode mode,
                                                           std::shared_ptr<const NameSealer> sealer) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path, mode);
  if (!database.ok()) return database.status();
  // All is read in one transaction, so that it is one state of the index.
  if (absl::Status status = (*database)->Execute("BEGIN"); !status.ok()) return status;
  std::unique_ptr<IndexScan> scan(new IndexScan(std::move(sealer), *std::move(database)));
  absl::StatusOr<Statement> progress =
      scan->database_->Prepare("SELECT version, store_id, position, positions_exact_to FROM progress");
  if (!progress.ok()) return absl::DataLossError(progress.status().message());
  const absl::StatusOr<bool> row = progress->Step();
  if (!row.ok()) return row.status();
  if (!*row || progress->Integer(0) != kIndexVersion ||
      (scan->sealer_ != nullptr && progress->Text(1) != StoreIdText(scan->sealer_->store_id()))) {
    return absl::DataLossError(
        "the index is of another version or of another store: `sallyport index rebuild` makes it again");
  }
  scan->position_ = Position::FromPacked(progress->Unsigned(2));
  scan->positions_exact_to_ = Position::FromPacked(progress->Unsigned(3));
  progress->Reset();
  if (scan->sealer_ != nullptr) {
    absl::StatusOr<NameReader> names = NameReader::Create(*scan->database_, *scan->sealer_);
    if (!names.ok()) return names.status();
    scan->names_ = *std::move(names);
  }
  return scan;
}

absl::Status IndexScan::ForEachCall(absl::FunctionRef<absl::Status(const Row&)> row) {
  absl::StatusOr<Statement> select =
      database_->Prepare(absl::StrCat("SELECT ", kCallColumns, " FROM calls NOT INDEXED ORDER BY id"));
  if (!select.ok()) return select.status();
  while (true) {
    const absl::StatusOr<bool> more = select->Step();
    if (!more.ok() || !*more) return more.status();
    Row each;
    each.id = select->Unsigned(CallColumn::kId);
    each.last = Position::FromPacked(select->Unsigned(CallColumn::kPosition));
    each.ended = select->Integer(CallColumn::kEndReason) > kOpen;
    each.shredded = select->Integer(CallColumn::kEndReason) == kShredded;
    if (names_.has_value()) {
      absl::StatusOr<CallSummary> summary = SummaryOf(*select, *names_);
      if (!summary.ok()) return summary.status();
      each.summary = *std::move(summary);
    }
    if (absl::Status status = row(each); !status.ok()) return status;
  }
}

}  // namespace sallyport::recorder
