#include "recorder/sqlite/database.h"

#include <sqlite3.h>

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

constexpr int kBusyTimeoutMilliseconds = 10000;

constexpr char kHowToRebuild[] =
    "; nothing that is recorded is in the index alone: stop the gateway, and `sallyport index rebuild` makes it again "
    "from the log";

absl::Status SqliteError(sqlite3* connection, int code) {
  const std::string message =
      absl::StrCat("index: ", connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code));
  const int cause = connection != nullptr ? sqlite3_system_errno(connection) : 0;
  if (code == SQLITE_IOERR_SHORT_READ) return IndexDamage(message);
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
      return IndexDamage(message);
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(absl::StrCat(message, ": make space on its disk"));
    case SQLITE_NOMEM:
      return absl::ResourceExhaustedError(message);
    case SQLITE_CANTOPEN:
      if (cause == EACCES || cause == EPERM) return absl::PermissionDeniedError(message + ": no permission");
      return absl::NotFoundError(absl::StrCat(message, kHowToRebuild));
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return absl::PermissionDeniedError(message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(message);
    default:
      return absl::InternalError(message);
  }
}

}  // namespace

absl::Status IndexDamage(std::string_view what) {
  return absl::DataLossError(absl::StrCat(View(what), ". It is the index that is damaged", kHowToRebuild));
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }

void Statement::Bind(int parameter, int64_t value) { sqlite3_bind_int64(statement_.get(), parameter, value); }

void Statement::Bind(int parameter, std::string_view text) {
  // A null pointer would bind NULL.
  sqlite3_bind_text(statement_.get(), parameter, text.data() != nullptr ? text.data() : "",
                    static_cast<int>(text.size()), SQLITE_STATIC);
}

void Statement::BindBytes(int parameter, std::string_view bytes) {
  sqlite3_bind_blob(statement_.get(), parameter, bytes.data() != nullptr ? bytes.data() : "",
                    static_cast<int>(bytes.size()), SQLITE_STATIC);
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return SqliteError(sqlite3_db_handle(statement_.get()), code);
}

void Statement::Reset() { sqlite3_reset(statement_.get()); }

absl::Status Statement::Run() {
  const absl::StatusOr<bool> row = Step();
  Reset();
  return row.status();
}

absl::StatusOr<bool> Statement::RunForInteger(int64_t& result) {
  absl::StatusOr<bool> row = Step();
  if (row.ok() && *row) result = Integer(0);
  Reset();
  return row;
}

int64_t Statement::Integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string_view Statement::Text(int column) const {
  const void* text = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const char*>(text), static_cast<size_t>(size)};
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path, Mode mode) {
  // Counting allocations costs a lock each. If SQLite is already in use, it goes on counting, which does no harm.
  [[maybe_unused]] static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
  flags |= mode == Mode::kWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const std::string uri = absl::StrCat("file:", absl::StrReplaceAll(path, {{"%", "%25"}, {"?", "%3f"}, {"#", "%23"}}),
                                       mode == Mode::kReadOnly ? "?immutable=1" : "");
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(uri.c_str(), &connection, flags, nullptr);
  std::unique_ptr<Database> database(new Database(connection));
  if (code != SQLITE_OK) return SqliteError(connection, code);
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, kBusyTimeoutMilliseconds);
  if (mode != Mode::kWrite) sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_wal_autocheckpoint(connection, 0);
  return database;
}

absl::Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : SqliteError(connection_.get(), code);
}

absl::StatusOr<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return SqliteError(connection_.get(), code);
  return Statement(statement);
}

absl::Status Database::PrepareAll(std::initializer_list<std::pair<Statement*, std::string_view>> statements) {
  for (const auto& [statement, sql] : statements) {
    absl::StatusOr<Statement> prepared = Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Database::MoveWriteAheadLog(WriteAheadLog log) {
  const int mode = log == WriteAheadLog::kKeep ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE;
  int pages = 0;
  int moved = 0;
  // A reader in the way is not waited for; the rest is moved another time.
  sqlite3_busy_timeout(connection_.get(), 0);
  const int code = sqlite3_wal_checkpoint_v2(connection_.get(), nullptr, mode, &pages, &moved);
  sqlite3_busy_timeout(connection_.get(), kBusyTimeoutMilliseconds);
  if (code == SQLITE_OK) return pages == moved;
  if ((code & 0xFF) == SQLITE_BUSY) return false;
  return SqliteError(connection_.get(), code);
}

absl::Status Database::CheckSound() {
  absl::StatusOr<Statement> check = Prepare("PRAGMA quick_check(1)");
  if (!check.ok()) return check.status();
  const absl::StatusOr<bool> row = check->Step();
  if (!row.ok()) return row.status();
  if (*row && check->Text(0) == "ok") return absl::OkStatus();
  return IndexDamage(absl::StrCat("index: ", *row ? View(check->Text(0)) : "it cannot be checked"));
}

int64_t Database::LastInsertId() const { return sqlite3_last_insert_rowid(connection_.get()); }

}  // namespace sallyport::recorder
