#include "recorder/index/sqlite/sqlite_index.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/format/call_columns.h"
#include "recorder/format/gateway_notes.h"
#include "recorder/format/index_schema.h"
#include "recorder/format/peer_address.h"
#include "recorder/format/store_version.h"
#include "recorder/format/trace_id.h"
#include "recorder/log/block.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {
namespace {

// WAL, so that readers do not wait for the writer. The log is the truth, so a lost save costs nothing; NORMAL keeps
// the file itself sound if the machine stops. What is deleted is overwritten: it may be of a shredded call.
constexpr char kLivePragmas[] =
    "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16384; "
    "PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON;";
constexpr char kRebuildPragmas[] =
    "PRAGMA page_size=8192; PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; "
    "PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON;";

absl::Status RunOnce(Database& database, std::string_view sql, int64_t& result) {
  absl::StatusOr<Statement> statement = database.Prepare(sql);
  if (!statement.ok()) return statement.status();
  return statement->RunForInteger(result).status();
}

absl::Status CheckOrCreateTables(Database& database, const StoreId& store_id) {
  int64_t tables = 0;
  if (absl::Status status = RunOnce(database, "SELECT count(*) FROM sqlite_schema", tables); !status.ok())
    return status;
  if (tables == 0) {
    return database.Execute(absl::StrCat("BEGIN;", IndexSchema(), "INSERT INTO progress VALUES (", kIndexVersion, ", '",
                                         StoreIdText(store_id), "', 0, 1, 0); COMMIT;"));
  }
  absl::StatusOr<Statement> select = database.Prepare("SELECT version, store_id FROM progress");
  if (!select.ok()) return absl::DataLossError(select.status().message());
  absl::StatusOr<bool> row = select->Step();
  if (!row.ok()) return row.status();
  if (*row && select->Integer(0) > kIndexVersion) return NewerIndex(select->Integer(0));
  if (!*row || select->Integer(0) != kIndexVersion || select->Text(1) != StoreIdText(store_id)) {
    return absl::DataLossError("the index is of another version or of another store");
  }
  return absl::OkStatus();
}

// What the file alone says, without a trace: what is still in its write-ahead log shows when it is opened.
absl::Status CheckVersionWithoutTrace(const std::string& path) {
  if (!FileExists(path)) return absl::OkStatus();
  const absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path, Database::Mode::kReadOnly);
  if (!database.ok()) return absl::OkStatus();
  int64_t version = 0;
  // What cannot be read is damaged, which is found when it is opened.
  const absl::Status read = RunOnce(**database, "SELECT version FROM progress", version);
  return read.ok() && version > kIndexVersion ? NewerIndex(version) : absl::OkStatus();
}

absl::Status NoSuch(std::string_view what, Position position) {
  return absl::DataLossError(
      absl::StrCat("segment ", position.segment(), ", offset ", position.offset(), ": the block holds ", View(what)));
}

// SQLite makes files that anybody may read, and those beside the database with the same mode.
absl::Status MakePrivate(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return SystemError(errno, "looking at", path);
  if ((info.st_mode & 0077) == 0) return absl::OkStatus();
  return chmod(path.c_str(), 0600) == 0 ? absl::OkStatus() : SystemError(errno, "taking from others", path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteIndex>> SqliteIndex::Open(const std::string& path,
                                                               std::shared_ptr<const NameSealer> sealer,
                                                               Purpose purpose, const ChunkSizes& sizes) {
  if (absl::Status status = CheckVersion(path); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path, Database::Mode::kWrite);
  if (!database.ok()) return database.status();
  absl::Status status = MakePrivate(path);
  if (!status.ok()) return status;
  status = (*database)->Execute(purpose == Purpose::kLive ? kLivePragmas : kRebuildPragmas);
  if (status.ok()) status = CheckOrCreateTables(**database, sealer->store_id());
  if (!status.ok()) return status;
  absl::StatusOr<NameTable> names = NameTable::Create(**database, *sealer);
  if (!names.ok()) return names.status();
  absl::StatusOr<Chunks> chunks = Chunks::Create(**database, sizes);
  if (!chunks.ok()) return chunks.status();
  std::unique_ptr<SqliteIndex> index(
      new SqliteIndex(std::move(sealer), *std::move(database), *std::move(names), *std::move(chunks)));
  if (status = index->Prepare(); !status.ok()) return status;
  if (status = index->Load(); !status.ok()) return status;
  return index;
}

absl::Status SqliteIndex::CheckVersion(const std::string& path) { return CheckVersionWithoutTrace(path); }

absl::Status SqliteIndex::Remove(const std::string& path) {
  for (const char* suffix : {"-wal", "-shm", ""}) {
    const std::string file = absl::StrCat(path, suffix);
    if (unlink(file.c_str()) != 0 && errno != ENOENT) return SystemError(errno, "removing", file);
  }
  return absl::OkStatus();
}

SqliteIndex::SqliteIndex(std::shared_ptr<const NameSealer> sealer, std::unique_ptr<Database> database, NameTable names,
                         Chunks chunks)
    : sealer_(std::move(sealer)),
      database_(std::move(database)),
      names_(std::make_unique<NameTable>(std::move(names))),
      chunks_(std::make_unique<Chunks>(std::move(chunks))) {}

absl::Status SqliteIndex::Prepare() {
  absl::StatusOr<CallRows> rows = CallRows::Create(*database_, *chunks_);
  if (!rows.ok()) return rows.status();
  rows_ = std::make_unique<CallRows>(*std::move(rows));
  absl::StatusOr<SessionRows> sessions = SessionRows::Create(*database_, *names_);
  if (!sessions.ok()) return sessions.status();
  sessions_ = std::make_unique<SessionRows>(*std::move(sessions));
  return database_->PrepareAll({
      {&set_progress_, "UPDATE progress SET position = ?1, sequence = ?2, positions_exact_to = ?3"},
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&add_scrubbed_, "INSERT OR IGNORE INTO scrubbed(segment) VALUES (?1)"},
      {&forget_scrubbed_, "DELETE FROM scrubbed WHERE segment = ?1"},
      {&find_scrubbed_, "SELECT segment FROM scrubbed WHERE segment = ?1"},
  });
}

absl::Status SqliteIndex::Load() {
  absl::StatusOr<Statement> progress =
      database_->Prepare("SELECT position, sequence, positions_exact_to FROM progress");
  if (!progress.ok()) return progress.status();
  absl::StatusOr<bool> row = progress->Step();
  if (!row.ok()) return row.status();
  position_ = Position::FromPacked(progress->Unsigned(0));
  next_sequence_ = progress->Unsigned(1);
  positions_exact_to_ = Position::FromPacked(progress->Unsigned(2));

  absl::StatusOr<Statement> calls = database_->Prepare(
      absl::StrCat("SELECT ", CallColumnNames(), " FROM calls INDEXED BY calls_open WHERE end_reason = 0"));
  if (!calls.ok()) return calls.status();
  while (true) {
    absl::StatusOr<bool> more = calls->Step();
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    OpenCall call{CallRowOf(*calls), /*stored=*/true};
    open_.emplace(static_cast<uint64_t>(call.row.id), call);
  }
}

absl::Status SqliteIndex::BeginIfNeeded() {
  unsaved_ = true;
  if (in_transaction_) return absl::OkStatus();
  if (absl::Status status = begin_.Run(); !status.ok()) return status;
  in_transaction_ = true;
  return absl::OkStatus();
}

absl::Status SqliteIndex::Apply(Position position, Position end, uint64_t next_sequence,
                                absl::Span<const DirectoryEntry> directory, std::string_view body) {
  absl::Status status = BeginIfNeeded();
  if (status.ok()) status = ApplyToDestroyed(position, directory);
  if (status.ok()) {
    status = ForEachEntry(body, [&](std::string_view bytes) { return ApplyEntry(position, bytes); });
  }
  if (!status.ok()) return status;
  position_ = end;
  next_sequence_ = next_sequence;
  return BoundMemory();
}

// A whole log may be taken in before it is saved.
absl::Status SqliteIndex::BoundMemory() {
  if (chunks_->unchunked() < kMostUnchunked) return absl::OkStatus();
  const absl::Status status = WriteOpenRows();
  return status.ok() ? chunks_->Write() : status;
}

void SqliteIndex::ApplyDirectory(Position position, absl::Span<const DirectoryEntry> directory) {
  if (open_.empty()) return;
  for (const DirectoryEntry& entry : directory) SetPosition(position, entry);
}

bool SqliteIndex::SetPosition(Position position, const DirectoryEntry& entry) {
  const auto found = open_.find(entry.call_id);
  if (found == open_.end()) return false;
  OpenCall& call = found->second;
  if (position < PositionOf(call.row)) return true;
  SetPositionOf(call.row, position);
  if (call.stored && !call.position_dirty) {
    call.position_dirty = true;
    dirty_positions_.push_back(entry.call_id);
  }
  return true;
}

absl::Status SqliteIndex::ApplyEntry(Position position, std::string_view bytes) {
  ScannedEntry entry;
  if (!ScanEntry(bytes, entry)) return NoSuch("something that is no entry", position);
  switch (entry.kind) {
    case ScannedEntry::Event::kStart:
      return ApplyStart(position, entry);
    case ScannedEntry::Event::kEnd:
      return ApplyEnd(position, entry);
    case ScannedEntry::Event::kOther:
      break;
  }
  return absl::OkStatus();
}

absl::Status SqliteIndex::ApplyStart(Position position, const ScannedEntry& entry) {
  ScannedStart start;
  if (!ScanStart(entry.event, start)) return NoSuch("a start that is none", position);
  if (open_.contains(entry.call_id)) return absl::OkStatus();  // a second start of a call is no start
  absl::StatusOr<CallRow> row = Described(start);
  if (!row.ok()) return row.status();
  row->id = static_cast<int64_t>(entry.call_id);
  row->start_ns = entry.time_ns;
  row->first_segment = static_cast<int64_t>(position.segment());
  SetPositionOf(*row, position);
  for (int64_t name : NamesOf(*row)) names_->Use(name);
  if (start.session_id != 0) {
    const absl::StatusOr<int64_t> name = names_->Id(NameKind::kSession, start.session_name);
    if (!name.ok()) return name.status();
    sessions_->Add(start.session_id, *row, *name);
  }
  open_.emplace(entry.call_id, OpenCall{*row});
  started_.push_back(entry.call_id);
  ++calls_started_;
  return absl::OkStatus();
}

absl::StatusOr<CallRow> SqliteIndex::Described(const ScannedStart& start) {
  if (start.proof == 0) {
    identity_name_ = "anonymous";
  } else {
    identity_name_.assign(start.issuer);
    if (!start.issuer.empty()) identity_name_ += '#';
    identity_name_ += start.subject;
  }
  const PeerAddress peer = SplitPeer(start.peer);
  CallRow call;
  call.session = static_cast<int64_t>(start.session_id);
  call.port = peer.port;
  const TraceNumbers trace = TraceNumbersOf(start.trace_id);
  call.trace_high = trace.high;
  call.trace_low = trace.low;
  const std::string_view method = NameOfMethod(start.method);
  const std::pair<int64_t*, std::pair<NameKind, std::string_view>> names[] = {
      {&call.identity, {NameKind::kIdentity, identity_name_}},
      {&call.method, {NameKind::kMethod, method}},
      {&call.upstream, {NameKind::kUpstream, start.upstream}},
      {&call.peer, {NameKind::kPeer, peer.host}},
  };
  for (const auto& [number, name] : names) {
    const absl::StatusOr<int64_t> id = names_->Id(name.first, name.second);
    if (!id.ok()) return id.status();
    *number = *id;
  }
  return call;
}

absl::Status SqliteIndex::ApplyEnd(Position position, const ScannedEntry& entry) {
  auto found = open_.find(entry.call_id);
  CallRow row;
  if (found != open_.end()) row = found->second.row;
  if (!ScanEnd(entry.event, row)) return NoSuch("an end that is none", position);
  if (found == open_.end()) return absl::OkStatus();  // an end of nothing
  SetPositionOf(row, position);
  ++unsaved_rows_;
  const absl::Status status = found->second.stored ? rows_->SetEnd(row) : rows_->Add(row);
  open_.erase(found);
  return status;
}

absl::Status SqliteIndex::Save(Extent extent) {
  absl::Status status = BeginIfNeeded();
  if (status.ok()) status = WriteOpenRows();
  if (status.ok() && extent == Extent::kPositions) status = WritePositions();
  // Sessions are found through postings, and sessions use names.
  if (status.ok()) status = chunks_->Write();
  if (status.ok()) status = sessions_->Write();
  if (status.ok()) status = names_->Write();
  if (dirty_positions_.empty()) positions_exact_to_ = position_;
  if (status.ok()) status = WriteProgress();
  if (status.ok()) status = commit_.Run();
  if (!status.ok()) return status;
  in_transaction_ = false;
  unsaved_ = false;
  saved_rows_ += unsaved_rows_;
  unsaved_rows_ = 0;
  return absl::OkStatus();
}

absl::Status SqliteIndex::WriteOpenRows() {
  for (uint64_t id : started_) {
    auto found = open_.find(id);
    if (found == open_.end() || found->second.stored) continue;
    if (absl::Status status = rows_->Add(found->second.row); !status.ok()) return status;
    found->second.stored = true;
    ++unsaved_rows_;
  }
  started_.clear();
  return rows_->Flush();
}

absl::Status SqliteIndex::WritePositions() {
  for (uint64_t id : dirty_positions_) {
    auto found = open_.find(id);
    if (found == open_.end()) continue;
    if (absl::Status status = rows_->SetPosition(id, PositionOf(found->second.row)); !status.ok()) return status;
    found->second.position_dirty = false;
    ++unsaved_rows_;
  }
  dirty_positions_.clear();
  return absl::OkStatus();
}

absl::Status SqliteIndex::WriteProgress() {
  set_progress_.Bind(1, position_.packed());
  set_progress_.Bind(2, next_sequence_);
  set_progress_.Bind(3, positions_exact_to_.packed());
  return set_progress_.Run();
}

absl::Status SqliteIndex::Maintain() {
  return saved_rows_ >= kRowsPerMove || empty_write_ahead_log_ ? MoveWriteAheadLog() : absl::OkStatus();
}

absl::Status SqliteIndex::MoveWriteAheadLog() {
  saved_rows_ = 0;
  const absl::StatusOr<bool> done = database_->MoveWriteAheadLog(
      empty_write_ahead_log_ ? Database::WriteAheadLog::kEmpty : Database::WriteAheadLog::kKeep);
  if (done.ok() && *done) empty_write_ahead_log_ = false;
  return done.status();
}

absl::flat_hash_map<uint64_t, Position> SqliteIndex::OpenCalls() const {
  absl::flat_hash_map<uint64_t, Position> calls;
  for (const auto& [id, call] : open_) calls.emplace(id, PositionOf(call.row));
  return calls;
}

absl::StatusOr<uint64_t> SqliteIndex::LargestId() {
  int64_t largest = 0;
  const absl::Status status = RunOnce(*database_,
                                      "SELECT max(coalesce((SELECT max(id) FROM calls), 0), "
                                      "coalesce((SELECT max(id) FROM sessions), 0))",
                                      largest);
  if (!status.ok()) return status;
  return static_cast<uint64_t>(largest);
}

absl::StatusOr<uint64_t> SqliteIndex::CountCalls() {
  int64_t calls = 0;
  if (absl::Status status = RunOnce(*database_, "SELECT count(*) FROM calls", calls); !status.ok()) return status;
  return static_cast<uint64_t>(calls);
}

}  // namespace sallyport::recorder
