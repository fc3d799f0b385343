#include "tests/recorder/index_dump.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "recorder/format/store_layout.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {
namespace {

// Sealing a name always gives the same, so sealed names stand for the names.
constexpr const char* kQueries[] = {
    "SELECT kind || ' ' || hex(hash) || ' ' || hex(sealed) || ' ' || uses FROM names ORDER BY kind, hash",
    "SELECT s.id || ' ' || hex(i.hash) || ' ' || coalesce(hex(n.hash), '-') || ' ' || coalesce(hex(p.hash), '-') || "
    "' ' || port || ' ' || first_call || ' ' || last_call || ' ' || first_start_ns || ' ' || last_start_ns || ' ' || "
    "calls FROM sessions s JOIN names i ON i.id = s.identity LEFT JOIN names n ON n.id = s.name "
    "LEFT JOIN names p ON p.id = s.peer ORDER BY s.id",
    "SELECT c.id || ' ' || coalesce(hex(i.hash), '-') || ' ' || session || ' ' || coalesce(hex(m.hash), '-') || ' ' || "
    "coalesce(hex(u.hash), '-') || ' ' || coalesce(hex(p.hash), '-') || ' ' || port || ' ' || start_ns || ' ' || "
    "end_reason || ' ' || status || ' ' || duration_ns || ' ' || request_frames || ' ' || response_frames || ' ' || "
    "request_bytes || ' ' || response_bytes || ' ' || position FROM calls c LEFT JOIN names i ON i.id = identity "
    "LEFT JOIN names m ON m.id = method LEFT JOIN names u ON u.id = upstream LEFT JOIN names p ON p.id = peer "
    "ORDER BY c.id",
    "SELECT segment FROM scrubbed ORDER BY segment",
    "SELECT version || ' ' || store_id || ' ' || sequence FROM progress",
};

}  // namespace

std::string DumpIndexFile(const std::string& path) {
  auto database = Database::Open(path, Database::Mode::kRead);
  REQUIRE(database.ok());
  std::string text;
  for (const char* sql : kQueries) {
    auto select = (*database)->Prepare(sql);
    REQUIRE(select.status().message() == "");
    while (true) {
      auto row = select->Step();
      REQUIRE(row.ok());
      if (!*row) break;
      text.append(select->Text(0));
      text += '\n';
    }
    text += "--\n";
  }
  return text;
}

std::string DumpIndex(const std::string& store) { return DumpIndexFile(StoreLayout(store).Index()); }

void ExecuteOnIndex(const std::string& store, const std::string& sql) {
  auto database = Database::Open(StoreLayout(store).Index(), Database::Mode::kWrite);
  REQUIRE(database.ok());
  REQUIRE((*database)->Execute(sql).ok());
}

}  // namespace sallyport::recorder
