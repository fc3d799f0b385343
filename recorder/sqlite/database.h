// SQLite behind absl::Status. The only code that knows its C interface is database.cc.
#ifndef SALLYPORT_RECORDER_SQLITE_DATABASE_H_
#define SALLYPORT_RECORDER_SQLITE_DATABASE_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sallyport::recorder {

// A prepared statement. Must not outlive its database. Parameters are numbered from 1, columns from 0. Not thread-safe.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  // Bound text must live until the next Reset. Unsigned numbers keep their bits.
  void Bind(int parameter, int64_t value);
  void Bind(int parameter, uint64_t value) { Bind(parameter, static_cast<int64_t>(value)); }
  void Bind(int parameter, std::string_view text);
  // As a blob; lives as text does.
  void BindBytes(int parameter, std::string_view bytes);

  // Steps to the next row; false after the last.
  absl::StatusOr<bool> Step();
  // Makes it ready to run again. Bindings stay.
  void Reset();
  // Runs a statement without results, and resets it.
  absl::Status Run();

  // Runs a statement with at most one row and resets it. Whether there was one; its first column is then in `result`.
  absl::StatusOr<bool> RunForInteger(int64_t& result);

  int64_t Integer(int column) const;
  uint64_t Unsigned(int column) const { return static_cast<uint64_t>(Integer(column)); }
  // Text or a blob. Lives until the next Step or Reset.
  std::string_view Text(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// DATA_LOSS that says what is damaged, that it is the index and not the log, and what to do.
absl::Status IndexDamage(std::string_view what);

// One connection. Not thread-safe.
class Database {
 public:
  enum class Mode {
    kWrite,     // creates it if need be; moves its write-ahead log only when told to
    kRead,      // never writes, never moves the write-ahead log
    kReadOnly,  // for a directory that cannot be written, and only while nobody writes the database
  };

  // DATA_LOSS if it is no database, NOT_FOUND with a read mode if there is none.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path, Mode mode);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs any number of statements.
  absl::Status Execute(const std::string& sql);
  absl::StatusOr<Statement> Prepare(std::string_view sql);
  absl::Status PrepareAll(std::initializer_list<std::pair<Statement*, std::string_view>> statements);
  enum class WriteAheadLog {
    kKeep,   // its file is written again from the start
    kEmpty,  // its file is cut to nothing, so that nothing old stays in it
  };
  // Moves what is in the write-ahead log into the database, as far as readers allow; whether that was all.
  absl::StatusOr<bool> MoveWriteAheadLog(WriteAheadLog log = WriteAheadLog::kKeep);
  // DATA_LOSS if its pages are not as SQLite wrote them. Reads all of it.
  absl::Status CheckSound();
  int64_t LastInsertId() const;

 private:
  explicit Database(sqlite3* connection) : connection_(connection) {}

  struct Close {
    void operator()(sqlite3* connection) const;
  };
  std::unique_ptr<sqlite3, Close> connection_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_SQLITE_DATABASE_H_
