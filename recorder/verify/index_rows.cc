#include "recorder/verify/index_rows.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "recorder/format/call_columns.h"
#include "recorder/format/name_sealer.h"
#include "recorder/format/peer_address.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {
namespace {

// In place of a name that does not open: no call has it.
constexpr char kUnreadable[] = "\xFF unreadable";
// So many names are remembered.
constexpr size_t kRemembered = 65536;

// Reads with statements of its own: nothing of what writes the index, or answers from it, is used here.
class IndexRows : public IndexedCalls {
 public:
  IndexRows(std::unique_ptr<Database> database, Position end) : database_(std::move(database)), end_(end) {}

  // Makes rows say what they say of the calls.
  absl::Status OpenNames(const StoreSecrets& keys) {
    sealer_ = NameSealer::Of(keys);
    absl::StatusOr<Statement> select = database_->Prepare("SELECT kind, hash, sealed FROM names WHERE id = ?1");
    if (!select.ok()) return select.status();
    select_name_ = *std::move(select);
    return absl::OkStatus();
  }

  Position end() const override { return end_; }

  absl::Status ForEach(const std::function<absl::Status(const Row&)>& row) override {
    absl::StatusOr<Statement> select =
        database_->Prepare(absl::StrCat("SELECT ", CallColumnNames(), " FROM calls ORDER BY id"));
    if (!select.ok()) return select.status();
    while (true) {
      const absl::StatusOr<bool> more = select->Step();
      if (!more.ok()) return more.status();
      if (!*more) return absl::OkStatus();
      CallRow read;
      for (int i = 0; i < kCallColumnCount; ++i) read.*kCallColumns[i].value = select->Integer(i);
      Row each;
      each.id = static_cast<uint64_t>(read.id);
      each.last = Position::FromPacked(static_cast<uint64_t>(read.position));
      each.open = read.end_reason == kOpen;
      if (sealer_ != nullptr && read.end_reason != kShredded) each.stated = Stated(read);
      if (absl::Status status = row(each); !status.ok()) return status;
    }
  }

 private:
  std::string Name(int64_t id) {
    if (id == 0) return "";
    if (const auto found = names_.find(id); found != names_.end()) return found->second;
    select_name_.Bind(1, id);
    const absl::StatusOr<bool> row = select_name_.Step();
    absl::StatusOr<std::string> name = absl::NotFoundError("");
    if (row.ok() && *row) {
      name = sealer_->Open(static_cast<NameKind>(select_name_.Integer(0)), select_name_.Text(1), select_name_.Text(2));
    }
    select_name_.Reset();
    if (!name.ok()) return kUnreadable;
    if (names_.size() >= kRemembered) names_.clear();
    return names_.emplace(id, *std::move(name)).first->second;
  }

  StatedCall Stated(const CallRow& row) {
    StatedCall call;
    call.row = row;
    call.identity = Name(row.identity);
    call.method = Name(row.method);
    call.upstream = Name(row.upstream);
    call.peer = JoinPeer(Name(row.peer), row.port);
    return call;
  }

  const std::unique_ptr<Database> database_;
  const Position end_;
  std::shared_ptr<const NameSealer> sealer_;
  Statement select_name_;
  absl::flat_hash_map<int64_t, std::string> names_;
};

absl::StatusOr<std::unique_ptr<IndexedCalls>> Open(const StoreLayout& layout, const StoreSecrets* keys,
                                                   Database::Mode mode) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(layout.Index(), mode);
  if (!database.ok()) return database.status();
  // Everything is read in one transaction, so that it is one state of the index.
  if (absl::Status status = (*database)->Execute("BEGIN"); !status.ok()) return status;
  if (absl::Status status = (*database)->CheckSound(); !status.ok()) return status;
  Position end;
  {
    absl::StatusOr<Statement> progress = (*database)->Prepare("SELECT position FROM progress");
    if (!progress.ok()) return progress.status();
    const absl::StatusOr<bool> row = progress->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::DataLossError("the index does not say how far it goes");
    end = Position::FromPacked(progress->Unsigned(0));
  }
  auto rows = std::make_unique<IndexRows>(*std::move(database), end);
  if (keys != nullptr) {
    if (absl::Status status = rows->OpenNames(*keys); !status.ok()) return status;
  }
  return rows;
}

}  // namespace

absl::StatusOr<std::unique_ptr<IndexedCalls>> OpenIndexedCalls(const StoreLayout& layout, const StoreSecrets* keys) {
  absl::StatusOr<std::unique_ptr<IndexedCalls>> index = Open(layout, keys, Database::Mode::kRead);
  if (index.ok() || absl::IsNotFound(index.status())) return index;
  // A directory that may not be written.
  absl::StatusOr<std::unique_ptr<IndexedCalls>> unwritten = Open(layout, keys, Database::Mode::kReadOnly);
  return unwritten.ok() ? std::move(unwritten) : std::move(index);
}

}  // namespace sallyport::recorder
