#include "tests/recorder/index_dump.h"

#include <catch2/catch.hpp>

#include "recorder/index/database.h"
#include "recorder/store_layout.h"

namespace sallyport::recorder {
namespace {

constexpr const char* kQueries[] = {
    "SELECT name, 0 FROM identities ORDER BY name",
    "SELECT name, 0 FROM methods ORDER BY name",
    "SELECT name, 0 FROM upstreams ORDER BY name",
    "SELECT sessions.id || ' ' || identities.name || ' ' || sessions.name || ' ' || peer || ' ' || first_start_ns || ' "
    "' || "
    "last_start_ns || ' ' || calls, 0 FROM sessions JOIN identities ON identities.id = identity ORDER BY sessions.id",
    "SELECT calls.id || ' ' || identities.name || ' ' || session || ' ' || methods.name || ' ' || upstreams.name || ' "
    "' || "
    "peer || ' ' || start_ns || ' ' || end_reason || ' ' || status || ' ' || duration_ns || ' ' || request_frames || ' "
    "' || "
    "response_frames || ' ' || request_bytes || ' ' || response_bytes || ' ' || position, 0 "
    "FROM calls JOIN identities ON identities.id = identity JOIN methods ON methods.id = method "
    "JOIN upstreams ON upstreams.id = upstream ORDER BY calls.id",
    "SELECT count(*), 0 FROM calls",
    "SELECT ahead_us || ' ' || behind_us || ' ' || sequence, 0 FROM progress",
};

}  // namespace

std::string DumpIndex(const std::string& store) {
  auto database = Database::Open(StoreLayout(store).Index(), Database::Mode::kRead);
  REQUIRE(database.ok());
  std::string text;
  for (const char* sql : kQueries) {
    auto select = (*database)->Prepare(sql);
    REQUIRE(select.ok());
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

void ExecuteOnIndex(const std::string& store, const std::string& sql) {
  auto database = Database::Open(StoreLayout(store).Index(), Database::Mode::kWrite);
  REQUIRE(database.ok());
  REQUIRE((*database)->Execute(sql).ok());
}

}  // namespace sallyport::recorder
