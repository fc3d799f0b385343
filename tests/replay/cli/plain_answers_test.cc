// What a person concludes from what the command line says: what is denied is not taken for what is not there, and
// the index not for the log. wrong_input_test.cc and list_notes_test.cc have more of this.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
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
