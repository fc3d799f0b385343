#include "recorder/index/index.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "recorder/index/schema.h"
#include "recorder/log/block.h"
#include "recorder/log/file.h"
#include "recorder/text.h"

namespace sallyport::recorder {
namespace {

// WAL, so that readers do not wait for the writer. The log is the truth, so a lost commit costs nothing; NORMAL keeps
// the file itself sound if the machine stops.
constexpr char kPragmas[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY;";

constexpr char kInsertCalls[] =
    "INSERT OR IGNORE INTO calls(id, identity, session, method, upstream, peer, start_ns, end_reason, status, "
    "duration_ns, request_frames, response_frames, request_bytes, response_bytes, position) VALUES ";
constexpr char kCallValues[] = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr int kCallColumns = 15;
constexpr std::string_view kEndCall =
    "UPDATE calls SET end_reason = ?2, status = ?3, duration_ns = ?4, request_frames = ?5, response_frames = ?6, "
    "request_bytes = ?7, response_bytes = ?8, position = ?9 WHERE id = ?1";
constexpr std::string_view kAddToSession =
    "INSERT INTO sessions(id, identity, name, peer, first_start_ns, last_start_ns, calls) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(id) DO UPDATE SET "
    "first_start_ns = min(first_start_ns, excluded.first_start_ns), "
    "last_start_ns = max(last_start_ns, excluded.last_start_ns), calls = calls + excluded.calls";
constexpr std::string_view kSetProgress =
    "UPDATE progress SET position = ?1, sequence = ?2, positions_exact_to = ?3, ahead_us = ?4, behind_us = ?5";

std::string StoreIdText(const StoreId& id) { return absl::BytesToHexString({id.data(), id.size()}); }

// The index's columns are signed: what an honest gateway never reaches is shown as the largest number.
int64_t Clamped(uint64_t value) { return static_cast<int64_t>(std::min(value, uint64_t{INT64_MAX})); }

std::string IdentityName(const ScannedStart& start) {
  if (start.proof == 0) return "anonymous";
  return start.issuer.empty() ? std::string(start.subject) : absl::StrCat(View(start.issuer), "#", View(start.subject));
}

absl::Status RunOnce(Database& database, std::string_view sql, int64_t& result) {
  absl::StatusOr<Statement> statement = database.Prepare(sql);
  if (!statement.ok()) return statement.status();
  absl::StatusOr<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  if (*row) result = statement->Integer(0);
  return absl::OkStatus();
}

absl::Status CreateTables(Database& database, const StoreId& store_id) {
  return database.Execute(absl::StrCat("BEGIN;", kSchema, "INSERT INTO progress VALUES (", kIndexVersion, ", '",
                                       StoreIdText(store_id), "', 0, 1, 0, 0, 0); COMMIT;"));
}

absl::Status CheckOrCreateTables(Database& database, const StoreId& store_id) {
  int64_t tables = 0;
  if (absl::Status status = RunOnce(database, "SELECT count(*) FROM sqlite_schema", tables); !status.ok())
    return status;
  if (tables == 0) return CreateTables(database, store_id);
  absl::StatusOr<Statement> select = database.Prepare("SELECT version, store_id FROM progress");
  if (!select.ok()) return absl::DataLossError(select.status().message());
  absl::StatusOr<bool> row = select->Step();
  if (!row.ok()) return row.status();
  if (!*row || select->Integer(0) != kIndexVersion || select->Text(1) != StoreIdText(store_id)) {
    return absl::DataLossError("the index is of another version or of another store");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Index>> Index::Open(const std::string& path, const StoreId& store_id) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path, Database::Mode::kWrite);
  if (!database.ok()) return database.status();
  if (absl::Status status = (*database)->Execute(kPragmas); !status.ok()) return status;
  if (absl::Status status = CheckOrCreateTables(**database, store_id); !status.ok()) return status;
  absl::StatusOr<Dictionary> identities = Dictionary::Create(**database, "identities");
  if (!identities.ok()) return identities.status();
  absl::StatusOr<Dictionary> methods = Dictionary::Create(**database, "methods");
  if (!methods.ok()) return methods.status();
  absl::StatusOr<Dictionary> upstreams = Dictionary::Create(**database, "upstreams");
  if (!upstreams.ok()) return upstreams.status();
  std::unique_ptr<Index> index(
      new Index(*std::move(database), *std::move(identities), *std::move(methods), *std::move(upstreams)));
  if (absl::Status status = index->PrepareStatements(); !status.ok()) return status;
  if (absl::Status status = index->Load(); !status.ok()) return status;
  return index;
}

absl::Status Index::Remove(const std::string& path) {
  for (const char* suffix : {"-wal", "-shm", ""}) {
    const std::string file = absl::StrCat(path, suffix);
    if (unlink(file.c_str()) != 0 && errno != ENOENT) return SystemError(errno, "removing", file);
  }
  return absl::OkStatus();
}

Index::Index(std::unique_ptr<Database> database, Dictionary identities, Dictionary methods, Dictionary upstreams)
    : database_(std::move(database)),
      identities_(std::move(identities)),
      methods_(std::move(methods)),
      upstreams_(std::move(upstreams)) {}

absl::Status Index::PrepareStatements() {
  const std::string insert_call = absl::StrCat(kInsertCalls, kCallValues);
  const std::string insert_calls =
      absl::StrCat(kInsertCalls, absl::StrJoin(std::vector<std::string>(kRowsPerInsert, kCallValues), ","));
  const std::pair<Statement*, std::string_view> statements[] = {
      {&insert_call_, insert_call},
      {&insert_calls_, insert_calls},
      {&end_call_, kEndCall},
      {&set_position_, "UPDATE calls SET position = ?2 WHERE id = ?1"},
      {&add_to_session_, kAddToSession},
      {&set_progress_, kSetProgress},
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
  };
  for (const auto& [statement, sql] : statements) {
    absl::StatusOr<Statement> prepared = database_->Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return absl::OkStatus();
}

absl::Status Index::Load() {
  absl::StatusOr<Statement> progress =
      database_->Prepare("SELECT position, sequence, positions_exact_to, ahead_us, behind_us FROM progress");
  if (!progress.ok()) return progress.status();
  absl::StatusOr<bool> row = progress->Step();
  if (!row.ok()) return row.status();
  position_ = Position::FromPacked(progress->Unsigned(0));
  next_sequence_ = progress->Unsigned(1);
  positions_exact_to_ = Position::FromPacked(progress->Unsigned(2));
  ahead_us_ = progress->Integer(3);
  behind_us_ = progress->Integer(4);

  absl::StatusOr<Statement> calls = database_->Prepare(
      "SELECT id, identity, method, upstream, session, start_ns, position, peer FROM calls INDEXED BY calls_open "
      "WHERE end_reason = 0");
  if (!calls.ok()) return calls.status();
  while (true) {
    absl::StatusOr<bool> more = calls->Step();
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    OpenCall call;
    call.identity = calls->Integer(1);
    call.method = calls->Integer(2);
    call.upstream = calls->Integer(3);
    call.session = calls->Unsigned(4);
    call.start_ns = calls->Integer(5);
    call.position = Position::FromPacked(calls->Unsigned(6));
    call.peer = std::string(calls->Text(7));
    call.stored = true;
    open_.emplace(calls->Unsigned(0), std::move(call));
  }
}

absl::Status Index::BeginIfNeeded() {
  uncommitted_ = true;
  if (in_transaction_) return absl::OkStatus();
  if (absl::Status status = begin_.Run(); !status.ok()) return status;
  in_transaction_ = true;
  return absl::OkStatus();
}

absl::Status Index::Apply(Position position, Position end, uint64_t next_sequence,
                          absl::Span<const DirectoryEntry> directory, std::string_view body) {
  if (absl::Status status = BeginIfNeeded(); !status.ok()) return status;
  ApplyDirectory(position, directory);
  const absl::Status status = ForEachEntry(body, [&](std::string_view bytes) { return ApplyEntry(position, bytes); });
  if (!status.ok()) return status;
  position_ = end;
  next_sequence_ = next_sequence;
  return absl::OkStatus();
}

void Index::ApplyDirectory(Position position, absl::Span<const DirectoryEntry> directory) {
  if (open_.empty()) return;
  for (const DirectoryEntry& entry : directory) {
    auto found = open_.find(entry.call_id);
    if (found == open_.end() || position < found->second.position) continue;
    OpenCall& call = found->second;
    call.position = position;
    if (call.stored && !call.position_dirty) {
      call.position_dirty = true;
      dirty_positions_.push_back(entry.call_id);
    }
  }
}

absl::Status Index::ApplyEntry(Position position, std::string_view bytes) {
  ScannedEntry entry;
  if (!ScanEntry(bytes, entry)) {
    return absl::DataLossError(absl::StrCat("segment ", position.segment(), ", offset ", position.offset(),
                                            ": the block holds something that is no entry"));
  }
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

absl::Status Index::ApplyStart(Position position, const ScannedEntry& entry) {
  ScannedStart start;
  if (!ScanStart(entry.event, start)) {
    return absl::DataLossError(absl::StrCat("segment ", position.segment(), ", offset ", position.offset(),
                                            ": the block holds a start that is none"));
  }
  absl::StatusOr<int64_t> identity = identities_.Id(IdentityName(start));
  if (!identity.ok()) return identity.status();
  absl::StatusOr<int64_t> method = methods_.Id(start.method.starts_with('/') ? start.method.substr(1) : start.method);
  if (!method.ok()) return method.status();
  absl::StatusOr<int64_t> upstream = upstreams_.Id(start.upstream);
  if (!upstream.ok()) return upstream.status();

  auto [added, fresh] = open_.try_emplace(entry.call_id);
  if (!fresh) return absl::OkStatus();  // a second start of a call is no start
  OpenCall& call = added->second;
  call.identity = *identity;
  call.method = *method;
  call.upstream = *upstream;
  call.session = start.session_id;
  call.start_ns = entry.time_ns;
  call.position = position;
  call.peer = std::string(start.peer);
  started_.push_back(entry.call_id);
  ++calls_started_;
  const int64_t lead_us = Clamped(entry.call_id) - entry.time_ns / 1000;
  ahead_us_ = std::max(ahead_us_, lead_us);
  behind_us_ = std::max(behind_us_, -lead_us);
  if (start.session_id != 0) CountInSession(start, *identity, entry.time_ns);
  return absl::OkStatus();
}

void Index::CountInSession(const ScannedStart& start, int64_t identity, int64_t start_ns) {
  auto [found, fresh] = sessions_.try_emplace(start.session_id);
  SessionChange& session = found->second;
  if (fresh) {
    session.identity = identity;
    session.name = std::string(start.session_name);
    session.peer = std::string(start.peer);
    session.first_start_ns = start_ns;
    session.last_start_ns = start_ns;
  }
  session.first_start_ns = std::min(session.first_start_ns, start_ns);
  session.last_start_ns = std::max(session.last_start_ns, start_ns);
  ++session.calls;
}

absl::Status Index::ApplyEnd(Position position, const ScannedEntry& entry) {
  ScannedEnd end;
  if (!ScanEnd(entry.event, end)) {
    return absl::DataLossError(absl::StrCat("segment ", position.segment(), ", offset ", position.offset(),
                                            ": the block holds an end that is none"));
  }
  auto found = open_.find(entry.call_id);
  if (found == open_.end()) return absl::OkStatus();  // an end of nothing
  OpenCall& call = found->second;
  call.position = position;
  ++committed_rows_;
  const absl::Status status =
      call.stored ? WriteEnd(entry.call_id, call, end) : AddWholeRow(entry.call_id, std::move(call), end);
  open_.erase(found);
  return status;
}

absl::Status Index::AddWholeRow(uint64_t id, OpenCall call, const ScannedEnd& end) {
  whole_rows_.push_back({id, std::move(call), end});
  return whole_rows_.size() < kRowsPerInsert ? absl::OkStatus() : WriteWholeRows();
}

absl::Status Index::WriteWholeRows() {
  // Rows in order of their ids find their place without a search.
  std::stable_sort(whole_rows_.begin(), whole_rows_.end(),
                   [](const WholeRow& a, const WholeRow& b) { return a.id < b.id; });
  const bool together = whole_rows_.size() == kRowsPerInsert;
  Statement& insert = together ? insert_calls_ : insert_call_;
  int first = 1;
  for (const WholeRow& row : whole_rows_) {
    BindWholeRow(insert, first, row);
    if (together) {
      first += kCallColumns;
    } else if (absl::Status status = insert.Run(); !status.ok()) {
      return status;
    }
  }
  if (together) {
    if (absl::Status status = insert.Run(); !status.ok()) return status;
  }
  whole_rows_.clear();
  return absl::OkStatus();
}

void Index::BindWholeRow(Statement& insert, int first, const WholeRow& row) {
  const OpenCall& call = row.call;
  const ScannedEnd& end = row.end;
  insert.Bind(first, row.id);
  insert.Bind(first + 1, call.identity);
  insert.Bind(first + 2, call.session);
  insert.Bind(first + 3, call.method);
  insert.Bind(first + 4, call.upstream);
  insert.Bind(first + 5, std::string_view(call.peer));
  insert.Bind(first + 6, call.start_ns);
  insert.Bind(first + 7, Clamped(end.reason));
  insert.Bind(first + 8, int64_t{end.status_code});
  insert.Bind(first + 9, Clamped(end.duration_ns));
  insert.Bind(first + 10, Clamped(end.request_frames));
  insert.Bind(first + 11, Clamped(end.response_frames));
  insert.Bind(first + 12, Clamped(end.request_bytes));
  insert.Bind(first + 13, Clamped(end.response_bytes));
  insert.Bind(first + 14, call.position.packed());
}

absl::Status Index::WriteEnd(uint64_t id, const OpenCall& call, const ScannedEnd& end) {
  end_call_.Bind(1, id);
  end_call_.Bind(2, Clamped(end.reason));
  end_call_.Bind(3, int64_t{end.status_code});
  end_call_.Bind(4, Clamped(end.duration_ns));
  end_call_.Bind(5, Clamped(end.request_frames));
  end_call_.Bind(6, Clamped(end.response_frames));
  end_call_.Bind(7, Clamped(end.request_bytes));
  end_call_.Bind(8, Clamped(end.response_bytes));
  end_call_.Bind(9, call.position.packed());
  return end_call_.Run();
}

absl::Status Index::Commit(Extent extent) {
  if (absl::Status status = BeginIfNeeded(); !status.ok()) return status;
  if (absl::Status status = WriteOpenRows(); !status.ok()) return status;
  if (absl::Status status = WriteSessions(); !status.ok()) return status;
  if (extent == Extent::kPositions) {
    if (absl::Status status = WritePositions(); !status.ok()) return status;
  }
  if (dirty_positions_.empty()) positions_exact_to_ = position_;
  if (absl::Status status = WriteProgress(); !status.ok()) return status;
  if (absl::Status status = commit_.Run(); !status.ok()) return status;
  in_transaction_ = false;
  uncommitted_ = false;
  return absl::OkStatus();
}

absl::Status Index::WriteOpenRows() {
  for (uint64_t id : started_) {
    auto found = open_.find(id);
    if (found == open_.end() || found->second.stored) continue;
    if (absl::Status status = AddWholeRow(id, found->second, ScannedEnd()); !status.ok()) return status;
    found->second.stored = true;
    ++committed_rows_;
  }
  started_.clear();
  return WriteWholeRows();
}

absl::Status Index::WritePositions() {
  for (uint64_t id : dirty_positions_) {
    auto found = open_.find(id);
    if (found == open_.end()) continue;
    set_position_.Bind(1, id);
    set_position_.Bind(2, found->second.position.packed());
    if (absl::Status status = set_position_.Run(); !status.ok()) return status;
    found->second.position_dirty = false;
    ++committed_rows_;
  }
  dirty_positions_.clear();
  return absl::OkStatus();
}

absl::Status Index::WriteSessions() {
  for (const auto& [id, session] : sessions_) {
    add_to_session_.Bind(1, id);
    add_to_session_.Bind(2, session.identity);
    add_to_session_.Bind(3, std::string_view(session.name));
    add_to_session_.Bind(4, std::string_view(session.peer));
    add_to_session_.Bind(5, session.first_start_ns);
    add_to_session_.Bind(6, session.last_start_ns);
    add_to_session_.Bind(7, session.calls);
    if (absl::Status status = add_to_session_.Run(); !status.ok()) return status;
  }
  sessions_.clear();
  return absl::OkStatus();
}

absl::Status Index::WriteProgress() {
  set_progress_.Bind(1, position_.packed());
  set_progress_.Bind(2, next_sequence_);
  set_progress_.Bind(3, positions_exact_to_.packed());
  set_progress_.Bind(4, ahead_us_);
  set_progress_.Bind(5, behind_us_);
  return set_progress_.Run();
}

absl::Status Index::Checkpoint() {
  committed_rows_ = 0;
  return database_->Checkpoint();
}

absl::flat_hash_map<uint64_t, Position> Index::OpenCalls() const {
  absl::flat_hash_map<uint64_t, Position> calls;
  for (const auto& [id, call] : open_) calls.emplace(id, call.position);
  return calls;
}

absl::StatusOr<uint64_t> Index::LargestId() {
  int64_t largest = 0;
  const absl::Status status = RunOnce(*database_,
                                      "SELECT max(coalesce((SELECT max(id) FROM calls), 0), "
                                      "coalesce((SELECT max(id) FROM sessions), 0))",
                                      largest);
  if (!status.ok()) return status;
  return static_cast<uint64_t>(largest);
}

absl::StatusOr<uint64_t> Index::CountCalls() {
  int64_t calls = 0;
  if (absl::Status status = RunOnce(*database_, "SELECT count(*) FROM calls", calls); !status.ok()) return status;
  return static_cast<uint64_t>(calls);
}

}  // namespace sallyport::recorder
