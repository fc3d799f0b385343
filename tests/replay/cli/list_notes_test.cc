// A list says what it leaves out, and why.
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "recorder/format/store_layout.h"
#include "recorder/system/file.h"
#include "tests/replay/cli/command_fixture.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a list says that it is filtered, and that it is not whole") {
  ShopStore store;
  const std::string first = store.AddGet(absl::ZeroDuration());
  const std::string second = store.AddGet(absl::Seconds(1));
  const auto notes = [&](Arguments arguments) {
    arguments.insert(arguments.end(), {"--data", store.data()});
    const CommandResult result = Run(arguments);
    CAPTURE(arguments, result.errors);
    CHECK(result.code == 0);
    return result.errors;
  };
  CHECK(notes({"calls"}).empty());
  CHECK(notes({"sessions"}).empty());
  CHECK(notes({"calls", "--limit", "2"}).empty());
  const std::string more =
      absl::StrCat("note: there are more calls than this one: --after ", second, " lists the next, --limit 0 all\n");
  CHECK(notes({"calls", "--limit", "1"}) == more);
  CHECK(notes({"calls", "--json", "--limit", "1"}) == more);
  CHECK(notes({"calls", "--method", "/shop.Orders/*", "--since", "2026-01-01"}) ==
        "note: 2 calls with --method /shop.Orders/* --since 2026-01-01; others are left out\n");
  CHECK(notes({"calls", "--method", "shop.Orders/*", "--limit", "1"}) ==
        absl::StrCat("note: there are more calls with --method shop.Orders/* than this one: --after ", second,
                     " lists the next, --limit 0 all\n"));
  // Of what finds nothing, the part that no call has at all.
  CHECK(notes({"calls", "--method", "shop.Orders/*", "--upstream", "shopp"}) ==
        "note: 0 calls with --method shop.Orders/* --upstream shopp; others are left out\n"
        "note: no call here matches --upstream shopp\n");
  store.AddFailure(absl::Seconds(2), "/other.Service/Lookup", 5);
  const CommandResult sessions = Run({"sessions", "--limit", "1", "--data", store.data()});
  CHECK(sessions.errors == "note: there are more sessions: --after 2e lists the next, --limit 0 all\n");
}

TEST_CASE("a list says what shredding keeps from it") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  store.Close();
  REQUIRE(Run({"keys", "shred", "--segment", "1", "--yes", "--data", store.data()}).code == 0);
  CHECK(Run({"calls", "--data", store.data()}).errors.empty());
  CHECK(Contains(Run({"calls", "--identity", "*alice", "--data", store.data()}).errors,
                 "note: 1 segment of the log is shredded: calls in them match only where nothing but times is asked "
                 "for\n"));
}

TEST_CASE("a list says that a key is missing") {
  ShopStore store;
  const std::string call = store.AddGet(absl::ZeroDuration());
  store.Close();
  const recorder::StoreLayout layout(store.data());
  fs::rename(layout.DataKey(1), store.data() + ".away");
  const CommandResult list = Run({"calls", "--data", store.data()});
  CHECK(list.code == 0);
  CHECK(Contains(list.output, "shop.Orders/Get"));
  CHECK(list.errors ==
        "note: the key of 1 segment of the log is missing, though nothing marks it as shredded: what is in it cannot "
        "be read. `sallyport keys status` says which\n");
  const CommandResult show = Run({"show", call, "--data", store.data()});
  CHECK(show.code == 3);
  CHECK(Contains(show.errors, "the key of segment 1 is missing, and nothing says that it was destroyed: put " +
                                  layout.DataKey(1) + " back from a backup"));
  CHECK(Contains(Run({"keys", "status", "--data", store.data()}).output, "keys missing     1: 1 (put them back"));
  const CommandResult verify = Run({"verify", "--data", store.data()});
  CHECK(verify.code == 0);
  CHECK(Contains(verify.output, "note: keys/00000001.key"));
  CHECK(Contains(verify.output, "; 1 without their key"));
  fs::rename(store.data() + ".away", layout.DataKey(1));
  CHECK(Run({"show", call, "--data", store.data()}).code == 0);
}

TEST_CASE("a list says that the index is behind the log") {
  ShopStore store;
  const std::string known = store.AddGet(absl::ZeroDuration());
  const recorder::StoreLayout layout(store.data());
  store.Close();
  recorder::TemporaryDirectory aside;
  fs::copy(layout.IndexDirectory(), aside.path() + "/index", fs::copy_options::recursive);
  store.Reopen();
  const std::string later = store.AddGet(absl::Minutes(1));
  store.Close();
  fs::remove_all(layout.IndexDirectory());
  fs::copy(aside.path() + "/index", layout.IndexDirectory(), fs::copy_options::recursive);
  {
    // A gateway runs, and has not come to it yet.
    const auto gateway = recorder::FileLock::Take(layout.OwnerLock(), recorder::FileLock::Wait::kNo).value();
    const CommandResult behind = Run({"calls", "--data", store.data()});
    CAPTURE(behind.errors);
    CHECK(behind.code == 0);
    CHECK(Contains(behind.output, known));
    CHECK_FALSE(Contains(behind.output, later));
    CHECK(Contains(behind.errors, "note: the index is behind the log: 1 call that began after 2026-01-02 03:05:05"));
  }
  const CommandResult caught_up = Run({"calls", "--data", store.data()});
  CHECK(Contains(caught_up.output, later));
  CHECK(caught_up.errors.empty());
}

TEST_CASE("a log that is shorter than the index knew is told in every list, and where a call is not found") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  const std::string lost = store.AddGet(absl::Seconds(1));
  store.Close();
  const recorder::StoreLayout layout(store.data());
  fs::resize_file(layout.Segment(1), fs::file_size(layout.Segment(1)) - 500);
  for (int i = 0; i < 2; ++i) {
    const CommandResult calls = Run({"calls", "--data", store.data()});
    CHECK_FALSE(Contains(calls.output, lost));
    CHECK(
        Contains(calls.errors, "calls may be missing here: the log was damaged, shorter than before or without a key"));
  }
  const CommandResult shown = Run({"show", lost, "--data", store.data()});
  CHECK(shown.code == 1);
  CHECK(Contains(shown.errors, "; it may have been there: part of the log was damaged"));
}

}  // namespace
}  // namespace sallyport::replay
