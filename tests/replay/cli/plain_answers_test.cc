// What a person concludes from what the command line says: wrong input is told, what is denied is not taken for what is
// not there, the index not for the log, and a list says what it leaves out.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "recorder/format/store_layout.h"
#include "recorder/sqlite/database.h"
#include "recorder/system/file.h"
#include "tests/replay/cli/command_fixture.h"
#include "tests/replay/shop_store.h"
#include "tests/skipped.h"

namespace sallyport::replay {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Arguments = std::vector<std::string>;

// `$DATA`, `$CALL` and `$OTHER` stand for the store, a call in it, and an id that nothing has.
Arguments Filled(const Arguments& arguments, const std::string& data, const std::string& call) {
  Arguments filled;
  for (const std::string& each : arguments) {
    filled.push_back(absl::StrReplaceAll(
        each, {{"$DATA", data}, {"$CALL", call}, {"$OTHER", recorder::FormatId(1'767'323'045'012'345)}}));
  }
  return filled;
}

struct Told {
  Arguments arguments;
  int code;
  std::string told;  // on stderr
};

TEST_CASE("wrong input is told with what to type, and never answered by an empty list") {
  ShopStore store;
  const std::string call = store.AddGet(absl::ZeroDuration());
  const Told each = GENERATE(values<Told>({
      // Filters that nothing can match.
      {{"calls", "--since", "5m", "--until", "1h"}, 2, "nothing is after the one and before the other"},
      {{"calls", "--since", "2026-01-02", "--until", "2026-01-02"}, 2, "--since 2026-01-02 is 2026-01-02 00:00:00 UTC"},
      {{"calls", "--since", "2999-01-01"}, 2, "--since 2999-01-01 is 2999-01-01 00:00:00 UTC, and now it is "},
      {{"sessions", "--since", "2999-01-01"}, 2, "times are in UTC"},
      {{"replay", "--dry-run", "--since", "2999-01-01"}, 2, "times are in UTC"},
      {{"policy", "discover", "--since", "5m", "--until", "1h"}, 2, "A duration counts back from now"},
      {{"calls", "--status", "open", "--min-duration", "1s"}, 2, "calls that have not ended have no duration yet"},
      // Ids and numbers that are not there.
      {{"calls", "--after", "$OTHER"}, 2, "--after: there is no call $OTHER here"},
      {{"sessions", "--after", "$OTHER"}, 2, "--after: no call here is of a session $OTHER"},
      {{"calls", "--session", "$OTHER"}, 2, "take an id that `sallyport sessions` lists"},
      {{"hold-data", "--session", "$OTHER"}, 2, "no call here is of a session $OTHER"},
      {{"calls", "--status", "99"}, 2, "99 is no status of gRPC's, which has 0 to 16, and no call here ended with it"},
      {{"calls", "--status", "-1"}, 2, "-1 is no status of gRPC's"},
      {{"calls", "--status", "FINE"}, 2, "\"FINE\" is not a status: name one of OK, CANCELLED, "},
      {{"show", "$OTHER"}, 1, "there is no call $OTHER in $DATA"},
      {{"evidence", "$OTHER"}, 1, "there is no call $OTHER"},
      {{"show", "$CALL", "--frame", "7"}, 1, "call $CALL has no frame 7: its frames are 0 to 1"},
      // What a variable that was not set leaves.
      {{"calls", "--session", ""}, 2, "--session: it is empty; leave the option out to ask for everything"},
      {{"replay", "--dry-run", "--identity", "", "--since", "1h"}, 2, "--identity: it is empty"},
      {{"sessions", "--since", ""}, 2, "--since: it is empty"},
      {{"tail", "--method", ""}, 2, "--method: it is empty"},
      {{"policy", "discover", "--session", "$OTHER"}, 2, "no call here is of a session $OTHER"},
      {{"replay", "--dry-run", "--session", "$OTHER"}, 2, "no call here is of a session $OTHER"},
      // Where nothing can be sent to.
      {{"replay", "$CALL", "--to", "http://127.0.0.1:1"}, 2, "--to: \"http://127.0.0.1:1\" is a URL, which gRPC takes"},
      {{"replay", "$CALL", "--to", "https://pay"}, 2, "write \"pay:443\", with --tls"},
      {{"replay", "$CALL", "--to", "127.0.0.1:99999"}, 2, "\"99999\" is no port: write a number from 1 to 65535"},
      {{"replay", "$CALL", "--to", "pay"}, 2, "--to: \"pay\" has no port: write \"pay:443\" if 443 is meant"},
      {{"calls", "--session", "alpha"}, 2, "no call here is of a session \"alpha\" (read as a1pha): take an id"},
      {{"calls", "--after", "Oll"}, 2, "there is no call \"Oll\" (read as 11) here"},
      {{"sessions", "--after", "alpha"}, 2, "no call here is of a session \"alpha\" (read as a1pha)"},
      {{"hold-data", "--session", "alpha"}, 2, "no call here is of a session \"alpha\" (read as a1pha)"},
      {{"policy", "discover", "--session", "alpha"}, 2, "a session \"alpha\" (read as a1pha)"},
      {{"show", "alpha"}, 1, "there is no call \"alpha\" (read as a1pha) in $DATA"},
      {{"evidence", "alpha"}, 1, "there is no call \"alpha\" (read as a1pha) in $DATA"},
      {{"replay", "--dry-run", "alpha"}, 3, "not recorded here: \"alpha\" (read as a1pha)"},
      // What would take everything.
      {{"keys", "shred", "--before", "2999", "--yes"}, 2, "--before: \"2999\""},
      {{"keys", "shred", "--before", "2999-01-01", "--yes"},
       2,
       "2999-01-01 is 2999-01-01 00:00:00 UTC, which is still to come"},
      // Numbers that are none.
      {{"show", "$CALL", "--frame", "-1"}, 2, "--frame: \"-1\" is not a whole number from 0 on"},
      {{"show", "$CALL", "--frame", "first"}, 2, "--frame: \"first\" is not a whole number from 0 on"},
      {{"show", "$CALL", "--frame", "99999999999999999999"}, 2, "is not a whole number from 0 on"},
      {{"calls", "--limit", "-1"}, 2, "--limit: \"-1\" is not a whole number from 0 to 1000000000"},
      {{"calls", "--limit", "1e3"}, 2, "--limit: \"1e3\" is not a whole number"},
      {{"sessions", "--limit", "-5"}, 2, "--limit: \"-5\" is not a whole number from 0"},
      {{"verify", "--jobs", "0"}, 2, "--jobs: \"0\" is not a whole number from 1 to 256"},
      {{"keys", "shred", "--segment", "-1"}, 2, "--segment: \"-1\" is not a whole number from 1 on"},
      {{"hold-data", "--release", "-1"}, 2, "--release: \"-1\" is not a whole number from 1 on"},
  }));
  Arguments arguments = Filled(each.arguments, store.data(), call);
  arguments.insert(arguments.end(), {"--data", store.data()});
  const CommandResult result = Run(arguments);
  CAPTURE(arguments, result.errors, result.output);
  CHECK(result.code == each.code);
  CHECK(Contains(result.errors, Filled({each.told}, store.data(), call).front()));
  CHECK(result.output.empty());
}

TEST_CASE("what is in the wrong place or mistyped on the command line is told with what to type") {
  const Told each = GENERATE(values<Told>({
      {{"--data", "D", "calls"},
       2,
       "\"--data\" comes after the command that it is for: write `sallyport calls --data ...`"},
      {{"keys", "--data", "D", "status"}, 2, "write `sallyport keys status --data ...`"},
      {{"index", "--data=D", "rebuild"}, 2, "write `sallyport index rebuild --data ...`"},
      {{"policy", "--method", "a.B/C", "explain", "policy.yaml"}, 2, "write `sallyport policy explain --method ...`"},
      {{"--wide"}, 2, "write `sallyport calls --wide ...`"},
      {{"call"}, 2, "`sallyport` has no command \"call\": did you mean `calls`?"},
      {{"keys", "rotat"}, 2, "`sallyport keys` has no command \"rotat\": did you mean `rotate`?"},
      {{"wombat"}, 2, "it has calls, show, sessions, "},
      {{"calls", "data"}, 2, "`sallyport calls` does not know what to do with \"data\"\n`sallyport calls --help` says"},
      {{"calls", "--sinc", "5m"}, 2, "`sallyport calls` has no option \"--sinc\": did you mean --since?"},
      {{"calls", "--wombat"}, 2, "`sallyport calls` has no option \"--wombat\"\n`sallyport calls --help` lists them"},
      {{"calls", "--\x1b[2J"}, 2, "\"--\\x1b[2J\""},
      {{"show"}, 2, "CALL is required\n`sallyport show --help` says what it takes"},
      {{"calls", "--since"}, 2, "--since"},
  }));
  const CommandResult result = Run(each.arguments);
  CAPTURE(each.arguments, result.errors);
  CHECK(result.code == each.code);
  CHECK(Contains(result.errors, each.told));
  CHECK_FALSE(Contains(result.errors, "\x1b"));
  CHECK(result.output.empty());
}

const std::vector<Arguments> kReaders = {{"calls"},
                                         {"sessions"},
                                         {"show", "$CALL"},
                                         {"tail"},
                                         {"verify"},
                                         {"evidence", "$CALL"},
                                         {"index", "rebuild"},
                                         {"keys", "status"},
                                         {"keys", "rotate"},
                                         {"keys", "shred", "--segment", "1", "--yes"},
                                         {"hold-data", "--list"},
                                         {"policy", "discover"},
                                         {"replay", "--dry-run", "$CALL"}};

TEST_CASE("a store that is not there is told with what is not there") {
  recorder::TemporaryDirectory directory;
  fs::create_directory(directory.path() + "/empty");
  std::ofstream(directory.path() + "/file") << "no store";
  for (const Arguments& command : kReaders) {
    for (const auto& [name, told] : std::vector<std::pair<std::string, std::string>>{
             {"/missing", "there is no directory $DATA"},
             {"/empty", "there is no store in $DATA: it has no directory log"},
             {"/file", "$DATA is a file, and no store"}}) {
      const std::string data = directory.path() + name;
      Arguments arguments = Filled(command, data, "1j7xk2m9q4z");
      arguments.insert(arguments.end(), {"--data", data});
      const CommandResult result = Run(arguments);
      CAPTURE(arguments, result.errors);
      CHECK(result.code == 3);
      CHECK(Contains(result.errors, Filled({told}, data, "").front()));
      CHECK(result.output.empty());
      CHECK(fs::exists(directory.path() + "/missing") == false);
    }
  }
}

// A copy of the program that everybody may run, for users who may not come to where it was built.
std::string ProgramForAll(const std::string& directory) {
  REQUIRE(chmod(directory.c_str(), 0755) == 0);
  const std::string program = directory + "/sallyport";
  fs::copy_file(SALLYPORT_PROGRAM, program);
  REQUIRE(chmod(program.c_str(), 0755) == 0);
  return program;
}

TEST_CASE("no permission is told as that, and never as a store that is not there") {
  if (geteuid() != 0) return testing::Skip("only root can become somebody without permission");
  constexpr uid_t kNobody = 65534;
  ShopStore store;
  const std::string call = store.AddGet(absl::ZeroDuration());
  store.Close();
  const std::string data = store.data();
  recorder::TemporaryDirectory around;
  const std::string program = ProgramForAll(around.path());
  const std::string parent = fs::path(data).parent_path();
  // What is closed, and the modes of the store's directory and of the one around it.
  struct Closed {
    const char* what;
    mode_t parent;
    mode_t store;
    mode_t log;
  };
  const Closed closed =
      GENERATE(values<Closed>({{"store", 0755, 0700, 0700}, {"around", 0700, 0755, 0755}, {"log", 0755, 0755, 0700}}));
  REQUIRE(chmod(parent.c_str(), closed.parent) == 0);
  REQUIRE(chmod(data.c_str(), closed.store) == 0);
  REQUIRE(chmod((data + "/log").c_str(), closed.log) == 0);
  for (const Arguments& command : kReaders) {
    Arguments arguments = Filled(command, data, call);
    arguments.insert(arguments.end(), {"--data", data});
    RunningCommand running(arguments, program, kNobody);
    const int code = running.Wait();
    CAPTURE(closed.what, arguments, running.errors());
    CHECK(code == 3);
    CHECK(Contains(running.errors(), "no permission to read "));
    CHECK(Contains(running.errors(), "belongs to root (user 0): this is nobody (user 65534)"));
    CHECK_FALSE(Contains(running.errors(), "there is no"));
    CHECK(running.output().empty());
  }
}

TEST_CASE("an index that is damaged is told as that, apart from the log") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  store.Close();
  const recorder::StoreLayout layout(store.data());
  // As long as a gateway runs, nobody else makes the index again.
  std::unique_ptr<recorder::FileLock> gateway;
  const bool runs = GENERATE(true, false);
  fs::resize_file(layout.Index(), 5000);
  if (runs) gateway = recorder::FileLock::Take(layout.OwnerLock(), recorder::FileLock::Wait::kNo).value();
  const CommandResult verified = Run({"verify", "--data", store.data()});
  CAPTURE(runs, verified.output, verified.errors);
  CHECK(verified.code == 1);
  CHECK(Contains(verified.output, "error: index/index.db: index: "));
  CHECK(Contains(verified.output, "It is the index that is damaged"));
  CHECK(Contains(verified.output, "NOT VERIFIED: the index is not what the log says. The log itself is verified"));
  const Json json = Json::parse(Run({"verify", "--json", "--data", store.data()}).output);
  CHECK(json["verified"] == false);
  CHECK(json["log_verified"] == true);
  const CommandResult calls = Run({"calls", "--data", store.data()});
  CAPTURE(calls.errors);
  if (runs) {
    CHECK(calls.code == 3);
    CHECK(Contains(calls.errors, "It is the index that is damaged; nothing that is recorded is in the index alone"));
    CHECK(Contains(calls.errors, "`sallyport index rebuild`"));
  } else {
    CHECK(calls.code == 0);
    CHECK(LinesOf(calls.output).size() == 2);
  }
}

// Overwrites a byte of the first block.
void DamageLog(const recorder::StoreLayout& layout) {
  std::fstream file(layout.Segment(1), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(400);
  file.put('\x7f').put('\x01').put('\x7f');
  REQUIRE(file.good());
}

TEST_CASE("a log that is damaged is told by verify as that, and by every list that lacks calls for it") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  const std::string second = store.AddGet(absl::Seconds(1));
  store.Close();
  const recorder::StoreLayout layout(store.data());
  DamageLog(layout);
  const CommandResult verified = Run({"verify", "--data", store.data()});
  CAPTURE(verified.output);
  CHECK(verified.code == 1);
  CHECK_FALSE(Contains(verified.output, "The log itself is verified"));
  CHECK(Json::parse(Run({"verify", "--json", "--data", store.data()}).output)["log_verified"] == false);
  // The index knows both calls, so that nothing is missing.
  CHECK_FALSE(Contains(Run({"calls", "--data", store.data()}).errors, "missing"));
  fs::remove_all(layout.IndexDirectory());
  const CommandResult made = Run({"calls", "--data", store.data()});
  CAPTURE(made.errors);
  CHECK(made.code == 0);
  CHECK(Contains(made.output, second));
  CHECK(LinesOf(made.output).size() == 2);
  CHECK(Contains(made.errors, "note: calls may be missing here: the log is damaged in segment 1 at offset "));
  // Whoever comes later is told too.
  for (const char* list : {"calls", "sessions"}) {
    CHECK(Contains(Run({list, "--data", store.data()}).errors,
                   "note: calls may be missing here: the log was damaged, shorter than before or without a key"));
  }
  CHECK(Contains(Run({"calls", "--json", "--data", store.data()}).errors, "calls may be missing"));
  CHECK(Run({"index", "rebuild", "--data", store.data()}).code == 3);
  CHECK(Contains(Run({"calls", "--data", store.data()}).errors, "calls may be missing"));
}

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

TEST_CASE("a hold is not lost with the index that finds what is held") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  const bool by_session = GENERATE(true, false);
  const Arguments hold = by_session ? Arguments{"hold-data", "--session", recorder::FormatId(77)}
                                    : Arguments{"hold-data", "--identity", "*alice"};
  Arguments place = hold;
  place.insert(place.end(), {"--data", store.data()});
  REQUIRE(Run(place).code == 0);
  store.Close();
  const recorder::StoreLayout layout(store.data());
  // Each page in turn, so that whatever holds need is hit.
  const std::uintmax_t size = fs::file_size(layout.Index());
  REQUIRE(size > 8192);
  recorder::TemporaryDirectory aside;
  fs::copy_file(layout.Index(), aside.path() + "/index");
  for (std::uintmax_t at = 4096; at < size; at += 4096) {
    fs::copy_file(aside.path() + "/index", layout.Index(), fs::copy_options::overwrite_existing);
    std::fstream file(layout.Index(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.write(std::string(4096, '\0').data(), 4096);
    file.close();
    const CommandResult shred = Run({"keys", "shred", "--segment", "1", "--yes", "--data", store.data()});
    CAPTURE(by_session, at, shred.output, shred.errors);
    CHECK((shred.code == 1 || shred.code == 3));
    CHECK(fs::exists(layout.DataKey(1)));
    const CommandResult verified = Run({"verify", "--data", store.data()});
    CAPTURE(verified.output);
    CHECK((verified.code == 0 || (verified.code == 1 && Contains(verified.output, "It is the index that is damaged"))));
  }
}

TEST_CASE("a hold for callers whom no call knows is told") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  const CommandResult unknown = Run({"hold-data", "--identity", "alice", "--data", store.data()});
  CHECK(unknown.code == 0);
  CHECK(Contains(unknown.errors, "note: no call here is of alice yet"));
  CHECK(Run({"hold-data", "--identity", "*#alice", "--data", store.data()}).errors.empty());
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

TEST_CASE("another user leaves nothing behind that the gateway could not use") {
  if (geteuid() != 0) return testing::Skip("only root can act for others");
  constexpr uid_t kOwner = 65534;
  ShopStore store;
  const std::string call = store.AddGet(absl::ZeroDuration());
  store.Close();
  REQUIRE(chmod(fs::path(store.data()).parent_path().c_str(), 0755) == 0);
  REQUIRE(chown(store.data().c_str(), kOwner, kOwner) == 0);
  for (const auto& entry : fs::recursive_directory_iterator(store.data())) {
    REQUIRE(chown(entry.path().c_str(), kOwner, kOwner) == 0);
  }
  fs::remove_all(recorder::StoreLayout(store.data()).IndexDirectory() + "/index.db-shm");
  const CommandResult calls = Run({"calls", "--data", store.data()});
  CAPTURE(calls.errors);
  CHECK(Contains(calls.output, call));
  for (const Arguments& command : std::vector<Arguments>{{"index", "rebuild"}, {"hold-data", "--identity", "*alice"}}) {
    Arguments arguments = command;
    arguments.insert(arguments.end(), {"--data", store.data()});
    const CommandResult refused = Run(arguments);
    CAPTURE(arguments, refused.errors);
    CHECK(refused.code == 3);
    CHECK(Contains(refused.errors, "belongs to another user (65534)"));
  }
  for (const auto& entry : fs::recursive_directory_iterator(store.data())) {
    struct stat info = {};
    REQUIRE(stat(entry.path().c_str(), &info) == 0);
    CAPTURE(entry.path().string());
    CHECK(info.st_uid == kOwner);
  }
}

TEST_CASE("verify says what it did not look at, and why") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  store.Close();
  const recorder::StoreLayout layout(store.data());
  // What a store keeps can be compared with later.
  recorder::TemporaryDirectory kept;
  fs::copy_file(layout.Checkpoint(), kept.path() + "/checkpoint");
  const CommandResult against = Run({"verify", "--against", kept.path() + "/checkpoint", "--data", store.data()});
  CAPTURE(against.output, against.errors);
  CHECK(against.code == 0);
  CHECK(Contains(against.output, "extends the checkpoint given"));
  CHECK(Run({"verify", "--evidence", "x", "--key", "y", "--against", "z"}).code == 2);
  // A key that signed nothing is not said to have been checked with.
  const std::string other =
      "sallyport/00000000000000000000000000000000+2f8ba1e5+AYix7GCBjZ5sh5ETUdoqMh7JlQ8ill/qR3asxdVB0xYC";
  const CommandResult wrong = Run({"verify", "--key", other, "--data", store.data()});
  CHECK(wrong.code != 0);
  CHECK_FALSE(Contains(wrong.output, "signature checked with"));
  // Without its keyring.
  fs::remove(layout.DefaultKeyring());
  const CommandResult closed = Run({"verify", "--data", store.data()});
  CAPTURE(closed.output);
  CHECK(closed.code == 0);
  CHECK(Contains(closed.output, "no block was opened (opening the keyring "));
  CHECK(Contains(closed.output, "the places in the index were compared with the log"));
}

TEST_CASE("discover that can read nothing does not say that there is nothing") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  const recorder::StoreLayout layout(store.data());
  store.Close();
  CHECK(Run({"policy", "discover", "--data", store.data()}).code != 3);
  fs::remove_all(layout.DescriptorsDirectory());
  const CommandResult blind = Run({"policy", "discover", "--method", "shop.*", "--data", store.data()});
  CAPTURE(blind.output, blind.errors);
  CHECK(blind.code == 3);
  CHECK(Contains(blind.output, "no descriptors are kept under the version"));
  CHECK(Contains(blind.errors, "nothing can be said of what could not be read"));
}

TEST_CASE("output that cannot be written is told, and is no success") {
  ShopStore store;
  const std::string call = store.AddGet(absl::ZeroDuration());
  REQUIRE(store.recorder().Flush().ok());
  const std::string data = store.data();
  recorder::TemporaryDirectory around;
  const std::string keys = around.path() + "/keys";
  const std::string policy = around.path() + "/p.yaml";
  std::ofstream(policy) << "access: {default: allow}\n";
  std::ofstream(around.path() + "/cases.yaml") << "policy: p.yaml\ncases: [{name: a, method: a.B/C, expect: allow}]\n";
  const auto list = [&](Arguments arguments, bool of_store = true) {
    if (of_store) arguments.insert(arguments.end(), {"--data", data});
    return arguments;
  };
  for (const Arguments& arguments : std::vector<Arguments>{
           {"--help"},
           {"--version"},
           {"calls", "--help"},
           {"keys", "shred", "--help"},
           list({"calls"}),
           list({"calls", "--json"}),
           list({"sessions"}),
           list({"show", call}),
           list({"show", call, "--frame", "0"}),
           list({"verify"}),
           list({"verify", "--json"}),
           list({"evidence", call}),
           list({"keys", "status"}),
           list({"keys", "rotate"}),
           list({"keys", "rewrap"}),
           list({"hold-data", "--identity", "*alice"}),
           list({"hold-data", "--list"}),
           list({"policy", "discover"}),
           list({"policy", "discover", "--json"}),
           list({"policy", "dry-run", policy}),
           list({"replay", "--dry-run", call}),
           list({"policy", "check", policy}, false),
           list({"policy", "explain", policy, "--method", "a.B/C"}, false),
           list({"policy", "test", around.path() + "/cases.yaml"}, false),
           list({"keys", "issue-api-key", "--file", keys, "--subject", "ci", "--expires", "1h"}, false),
           list({"keys", "list-api-keys", "--file", keys}, false),
           list({"keys", "reveal-key", "--out", around.path() + "/reveal"}, false)}) {
    const CommandResult result = RunOnFullDisk(arguments);
    CAPTURE(arguments, result.errors);
    CHECK(result.code == 3);
    CHECK(Contains(result.errors, "the output could not be written"));
    CHECK_FALSE(Contains(result.errors, "is above"));
  }
  const CommandResult issued =
      RunOnFullDisk({"keys", "issue-api-key", "--file", keys, "--subject", "ci", "--expires", "1h"});
  CHECK(Contains(issued.errors, "`sallyport keys revoke-api-key --file " + keys + " "));
}

TEST_CASE("evidence tells a checkpoint that was removed from one that was never signed") {
  ShopStore store;
  const std::string call = store.AddGet(absl::ZeroDuration());
  store.Close();
  const recorder::StoreLayout layout(store.data());
  REQUIRE(Run({"evidence", call, "--data", store.data()}).code == 0);
  fs::remove(layout.Checkpoint());
  const CommandResult removed = Run({"evidence", call, "--data", store.data()});
  CAPTURE(removed.errors);
  CHECK(removed.code == 3);
  CHECK(Contains(removed.errors, layout.Checkpoint() + " is not there, although the tree has "));
  CHECK(Contains(removed.errors, ": it was removed, or the gateway was ended within its first second"));
  fs::remove(layout.Leaves());
  CHECK(Contains(Run({"evidence", call, "--data", store.data()}).errors, "no checkpoint was signed yet"));
}

TEST_CASE("nothing is cut where the output is no terminal") {
  ShopStore store;
  const std::string method = "/" + std::string(300, 'a') + ".Service/" + std::string(300, 'b');
  const std::string call = store.AddFailure(absl::ZeroDuration(), method, 5, std::string(10'000, 'm') + "END");
  const std::string listed = Run({"calls", "--data", store.data()}).output;
  CHECK(Contains(listed, method.substr(1) + "  NOT_FOUND"));
  CHECK(Contains(Run({"show", call, "--data", store.data()}).output, "mEND"));
  // On a terminal it is, unless --wide says otherwise.
  CHECK_FALSE(Contains(RunInTerminal({"calls", "--data", store.data()}), method.substr(1)));
  CHECK(Contains(RunInTerminal({"calls", "--wide", "--data", store.data()}), method.substr(1)));
  // A long name does not push the others apart.
  store.AddGet(absl::Seconds(1));
  for (const std::string& line : LinesOf(Run({"calls", "--data", store.data()}).output)) {
    CHECK((Contains(line, method.substr(1)) || line.size() < 150));
  }
}

}  // namespace
}  // namespace sallyport::replay
