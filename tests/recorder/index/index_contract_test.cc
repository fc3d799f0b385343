// The engines there are, held to what every index has to do.
#include "tests/recorder/index/index_contract.h"

#include <catch2/catch.hpp>

#include "recorder/index/sqlite/sqlite_engine.h"
#include "tests/recorder/fixed_sealer.h"

namespace sallyport::recorder {
namespace {

std::unique_ptr<IndexEngine> MakeSqlite(const StoreLayout& layout) { return SqliteEngine(layout, FixedSealer()); }

TEST_CASE("SQLite: what took in the log as it grew says what a rebuilt index says") {
  CheckRebuiltEqualsLive(MakeSqlite);
}

TEST_CASE("SQLite: after segments are shredded, too") { CheckShreddedEqualsRebuilt(MakeSqlite); }

TEST_CASE("SQLite: after segments are deleted, too") { CheckDeletedEqualsRebuilt(MakeSqlite); }

TEST_CASE("SQLite: what was not saved is applied again, and what is removed is gone") {
  CheckUncommittedIsAppliedAgain(MakeSqlite);
}

}  // namespace
}  // namespace sallyport::recorder
