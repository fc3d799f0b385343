#include <fcntl.h>
#include <sched.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "recorder/keys/keyring.h"
#include "tests/recorder/keys_fixture.h"
#include "tests/skipped.h"

namespace sallyport::recorder {
namespace {

// Everything but the last line of a keyring is about the line before: the words of the line that is the current key.
std::vector<std::string> CurrentKeyWords(const std::string& keyring) {
  std::string line = keyring.substr(0, keyring.size() - 1);
  line = line.substr(line.rfind('\n') + 1);
  std::istringstream words(line);
  std::vector<std::string> all;
  for (std::string word; words >> word;) all.push_back(word);
  return all;
}

// Collects what is logged while it lives.
class LogCapture {
 public:
  LogCapture() : old_(spdlog::default_logger()) {
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~LogCapture() { spdlog::set_default_logger(old_); }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> old_;
};

TEST_CASE("the first start makes a keyring that only its owner can read, and says to back it up") {
  KeysDirectory directory;
  LogCapture log;
  auto keys = OpenKeys(directory, Access::kWrite);
  REQUIRE(keys.ok());
  CHECK(ModeOf(directory.keyring()) == 0600);
  CHECK(Contains(log.text(), directory.keyring()));
  CHECK(Contains(log.text(), "Back it up"));
  CHECK(Contains(log.text(), "warning"));
  // The canary: the key itself is in none of it.
  const std::string secret = CurrentKeyWords(Contents(directory.keyring())).at(3);
  CHECK_FALSE(Contains(log.text(), secret));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.path() + "/data")) {
    INFO(entry.path());
    if (!entry.is_regular_file()) continue;
    CHECK(ModeOf(entry.path()) == 0600);
    CHECK_FALSE(Contains(Contents(entry.path()), secret));
  }
}

TEST_CASE("keys are the same after a restart") {
  KeysDirectory directory;
  auto first = OpenKeys(directory, Access::kWrite);
  REQUIRE(first.ok());
  auto made = (*first)->CreateDataKey(1);
  REQUIRE(made.ok());
  for (Access access : {Access::kRead, Access::kWrite}) {
    auto second = OpenKeys(directory, access);
    REQUIRE(second.ok());
    CHECK((*second)->store_id() == (*first)->store_id());
    CHECK((*second)->Derive("names").bytes() == (*first)->Derive("names").bytes());
    CHECK((*second)->Derive("names").bytes() != (*second)->Derive("descriptors").bytes());
    CHECK((*second)->signing_key().public_key() == (*first)->signing_key().public_key());
    auto opened = (*second)->OpenDataKey(1);
    REQUIRE(opened.ok());
    CHECK(opened->id == made->id);
    CHECK(opened->key.bytes() == made->key.bytes());
  }
}

TEST_CASE("each data key is a fresh one") {
  KeysDirectory directory;
  auto keys = OpenKeys(directory, Access::kWrite);
  REQUIRE(keys.ok());
  auto one = (*keys)->CreateDataKey(1);
  auto two = (*keys)->CreateDataKey(2);
  auto again = (*keys)->CreateDataKey(1);
  REQUIRE((one.ok() && two.ok() && again.ok()));
  CHECK(one->key.bytes() != two->key.bytes());
  CHECK(one->key.bytes() != again->key.bytes());
  CHECK(one->id != again->id);
  CHECK((*keys)->OpenDataKey(1)->key.bytes() == again->key.bytes());
}

TEST_CASE("a data key that is not there is not found, and what is told is whether it was destroyed") {
  KeysDirectory directory;
  auto keys = OpenKeys(directory, Access::kWrite);
  REQUIRE((*keys)->CreateDataKey(1).ok());
  REQUIRE((*keys)->CreateDataKey(2).ok());
  CHECK(absl::IsNotFound((*keys)->OpenDataKey(3).status()));
  const std::string key = directory.layout().DataKey(1);
  std::filesystem::rename(key, directory.layout().DestroyedDataKey(1));
  const absl::Status destroyed = (*keys)->OpenDataKey(1).status();
  CHECK(absl::IsNotFound(destroyed));
  CHECK(Contains(Said(destroyed), "segment 1 is shredded"));
  std::filesystem::remove(directory.layout().DestroyedDataKey(1));
  const absl::Status missing = (*keys)->OpenDataKey(1).status();
  CHECK(absl::IsNotFound(missing));
  CHECK(Contains(Said(missing), "nothing says that it was destroyed"));
  CHECK(Contains(Said(missing), key));
  // What a disk that failed leaves is damage.
  PutFile(directory.layout().DataKey(2), std::string(100, '\0'));
  CHECK(absl::IsDataLoss((*keys)->OpenDataKey(2).status()));
}

TEST_CASE("a missing keyring is never replaced by a new one while there are keys that need it") {
  KeysDirectory directory;
  REQUIRE(OpenKeys(directory, Access::kWrite).ok());
  std::filesystem::remove(directory.keyring());
  const auto status = OpenKeys(directory, Access::kWrite).status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(Contains(Said(status), directory.keyring()));
  CHECK_FALSE(FileExists(directory.keyring()));
  CHECK(absl::IsNotFound(OpenKeys(directory, Access::kRead).status()));
}

bool WriteAtOnce(const char* path, const std::string& text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  const bool written = file >= 0 && write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (file >= 0) close(file);
  return written;
}

// Makes a mount namespace, and a user namespace around it for who is not root: there this process is root, as which it
// has files. False if that is not allowed here.
bool EnterMountNamespace() {
  if (unshare(CLONE_NEWNS) == 0) return true;
  const std::string user = "0 " + std::to_string(geteuid()) + " 1";
  const std::string group = "0 " + std::to_string(getegid()) + " 1";
  return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && WriteAtOnce("/proc/self/setgroups", "deny") &&
         WriteAtOnce("/proc/self/uid_map", user) && WriteAtOnce("/proc/self/gid_map", group);
}

// Runs `check` in a process of its own, for which `path` is a volume of its own. Nothing if that is not allowed here;
// otherwise what `check` says.
std::optional<int> OnVolume(const std::string& path, const std::function<int()>& check) {
  constexpr int kNotAllowed = 99;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (!EnterMountNamespace()) _exit(kNotAllowed);
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) _exit(kNotAllowed);
    if (mount("none", path.c_str(), "tmpfs", 0, "size=1m") != 0) _exit(kNotAllowed);
    _exit(check());
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status) == kNotAllowed ? std::nullopt : std::optional<int>(WEXITSTATUS(status));
}

TEST_CASE("no keyring is made beside a data directory that is a volume of its own, unless it is said where") {
  KeysDirectory directory;
  const StoreLayout layout = directory.layout();
  const std::optional<int> wrong = OnVolume(layout.directory(), [&] {
    const absl::Status refused = OpenKeys(directory, Access::kWrite).status();
    if (!absl::IsFailedPrecondition(refused)) return 1;
    if (!Contains(Said(refused), "volume of its own") || !Contains(Said(refused), "file:PATH")) return 2;
    if (FileExists(directory.keyring()) || FileExists(layout.StoreKey())) return 3;
    const KeySource said{KeySource::Kind::kFile, directory.keyring()};
    if (!OpenKeys(directory, Access::kWrite, said).ok()) return 4;
    // Once it is there it is found without being said, too.
    return OpenKeys(directory, Access::kWrite).ok() ? 0 : 5;
  });
  if (!wrong.has_value()) {
    return testing::Skip("this process may not mount anything");
  }
  CHECK(*wrong == 0);
  // The same on the volume that is around it.
  std::filesystem::remove(directory.keyring());
  CHECK(OpenKeys(directory, Access::kWrite).ok());
}

TEST_CASE("reading makes nothing") {
  KeysDirectory directory;
  CHECK(absl::IsNotFound(OpenKeys(directory, Access::kRead).status()));
  CHECK_FALSE(FileExists(directory.keyring()));
  CHECK_FALSE(FileExists(directory.layout().KeysDirectory()));
}

TEST_CASE("a store key or signing key that is gone is not made anew") {
  KeysDirectory directory;
  auto keys = OpenKeys(directory, Access::kWrite);
  REQUIRE((*keys)->CreateDataKey(1).ok());
  const bool store = GENERATE(true, false);
  const std::string gone = store ? directory.layout().StoreKey() : directory.layout().SigningKey();
  std::filesystem::remove(gone);
  const auto status = OpenKeys(directory, Access::kWrite).status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(Contains(Said(status), gone));
}

TEST_CASE("a keyring that others can read is refused") {
  KeysDirectory directory;
  REQUIRE(OpenKeys(directory, Access::kWrite).ok());
  for (mode_t mode : {0640, 0604, 0620, 0644}) {
    REQUIRE(chmod(directory.keyring().c_str(), mode) == 0);
    const auto status = OpenKeys(directory, Access::kRead).status();
    CHECK(absl::IsFailedPrecondition(status));
    CHECK(Contains(Said(status), "chmod 600"));
  }
  REQUIRE(chmod(directory.keyring().c_str(), 0400) == 0);
  CHECK(OpenKeys(directory, Access::kRead).ok());
}

TEST_CASE("another keyring does not open the store, and the error says which key is needed") {
  KeysDirectory directory;
  REQUIRE(OpenKeys(directory, Access::kWrite).ok());
  const std::vector<std::string> words = CurrentKeyWords(Contents(directory.keyring()));
  PutFile(directory.keyring(), std::string(NewKeyringText(absl::Now())->view()));
  const auto missing = OpenKeys(directory, Access::kRead).status();
  CHECK(absl::IsFailedPrecondition(missing));
  CHECK(Contains(Said(missing), words[1]));
  // By the right name, but another key.
  const std::string other = CurrentKeyWords(Contents(directory.keyring())).at(3);
  PutFile(directory.keyring(), "kek " + words[1] + " 2026-01-02T03:04:05Z " + other + "\n");
  const auto wrong = OpenKeys(directory, Access::kRead).status();
  CHECK(absl::IsDataLoss(wrong));
  CHECK_FALSE(Contains(Said(wrong), other));
}

TEST_CASE("no byte of a key file can change unnoticed, and no error shows a key") {
  KeysDirectory directory;
  {
    auto keys = OpenKeys(directory, Access::kWrite);
    REQUIRE((*keys)->CreateDataKey(1).ok());
  }
  const StoreLayout layout = directory.layout();
  const std::string secret = CurrentKeyWords(Contents(directory.keyring())).at(3);
  for (const std::string& path : {layout.StoreKey(), layout.SigningKey(), layout.DataKey(1)}) {
    const std::string whole = Contents(path);
    for (size_t i = 0; i < whole.size(); ++i) {
      for (const int bit : {0, 1, 5, 7}) {
        std::string damaged = whole;
        damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
        PutFile(path, damaged);
        auto keys = OpenKeys(directory, Access::kRead);
        absl::Status status = keys.status();
        if (keys.ok()) status = (*keys)->OpenDataKey(1).status();
        INFO(path << " byte " << i << " bit " << bit << ": " << status);
        // Where the name of the key-encryption key changed, that one is missing.
        REQUIRE((absl::IsDataLoss(status) || absl::IsFailedPrecondition(status)));
        REQUIRE(Contains(Said(status), layout.KeysDirectory()));
        REQUIRE_FALSE(Contains(Said(status), secret));
      }
    }
    for (size_t size = 0; size < whole.size(); ++size) {
      PutFile(path, whole.substr(0, size));
      auto keys = OpenKeys(directory, Access::kRead);
      absl::Status status = keys.ok() ? (*keys)->OpenDataKey(1).status() : keys.status();
      REQUIRE(absl::IsDataLoss(status));
    }
    PutFile(path, whole);
  }
  auto keys = OpenKeys(directory, Access::kRead);
  CHECK((*keys)->OpenDataKey(1).ok());
}

TEST_CASE("a key file of another store, segment or purpose is refused") {
  KeysDirectory directory;
  KeysDirectory other;
  const KeySource keyring{KeySource::Kind::kFile, directory.keyring()};
  auto keys = OpenKeys(directory, Access::kWrite);
  auto other_keys = OpenKeys(other, Access::kWrite, keyring);
  REQUIRE((keys.ok() && other_keys.ok()));
  REQUIRE((*keys)->CreateDataKey(1).ok());
  REQUIRE((*keys)->CreateDataKey(2).ok());
  REQUIRE((*other_keys)->CreateDataKey(1).ok());
  const auto swap_in = [&](const std::string& from, const std::string& to) {
    const std::string kept = Contents(to);
    PutFile(to, Contents(from));
    auto opened = OpenKeys(directory, Access::kRead);
    absl::Status status = opened.status();
    if (opened.ok()) status = (*opened)->OpenDataKey(1).status();
    PutFile(to, kept);
    return status;
  };
  const StoreLayout mine = directory.layout();
  const StoreLayout theirs = other.layout();
  CHECK(absl::IsDataLoss(swap_in(theirs.DataKey(1), mine.DataKey(1))));
  CHECK(absl::IsDataLoss(swap_in(theirs.SigningKey(), mine.SigningKey())));
  CHECK(absl::IsDataLoss(swap_in(theirs.StoreKey(), mine.StoreKey())));
  CHECK(absl::IsDataLoss(swap_in(mine.DataKey(2), mine.DataKey(1))));
  CHECK(absl::IsDataLoss(swap_in(mine.StoreKey(), mine.SigningKey())));
  CHECK(absl::IsDataLoss(swap_in(mine.SigningKey(), mine.DataKey(1))));
  // Renaming what the file says is no help: the key is bound to it.
  const std::string kept = Contents(mine.DataKey(1));
  std::string edited = Contents(mine.DataKey(2));
  edited.replace(edited.find("data 2"), 6, "data 1");
  PutFile(mine.DataKey(1), edited);
  CHECK(absl::IsDataLoss((*OpenKeys(directory, Access::kRead))->OpenDataKey(1).status()));
}

TEST_CASE("a first start that is cut off anywhere can be made again") {
  for (int operations = 0;; ++operations) {
    KeysDirectory directory;
    CutOffFileSystem files(operations);
    auto keys = OpenKeys(directory, Access::kWrite, {}, files);
    if (!files.was_cut()) {
      REQUIRE(keys.ok());
      CHECK(operations > 10);
      break;
    }
    REQUIRE_FALSE(keys.ok());
    INFO("cut off after " << operations);
    auto again = OpenKeys(directory, Access::kWrite);
    REQUIRE(again.ok());
    REQUIRE((*again)->CreateDataKey(1).ok());
    REQUIRE((*OpenKeys(directory, Access::kRead))->OpenDataKey(1).ok());
  }
}

TEST_CASE("a key that could not be made durable is not handed out") {
  for (int operations = 0;; ++operations) {
    KeysDirectory directory;
    REQUIRE(OpenKeys(directory, Access::kWrite).ok());
    CutOffFileSystem files(operations);
    auto keys = OpenKeys(directory, Access::kWrite, {}, files);
    REQUIRE(keys.ok());
    auto key = (*keys)->CreateDataKey(1);
    CHECK(key.ok() == !files.was_cut());
    if (key.ok()) break;
  }
}

TEST_CASE("a keyring in the environment opens what a keyring file has sealed") {
  KeysDirectory directory;
  auto keys = OpenKeys(directory, Access::kWrite);
  std::string keyring = Contents(directory.keyring());
  std::replace(keyring.begin(), keyring.end(), '\n', ';');
  const KeySource source = *KeySource::Parse("env:SALLYPORT_TEST_KEYRING");
  std::filesystem::remove(directory.keyring());
  unsetenv("SALLYPORT_TEST_KEYRING");
  CHECK(absl::IsNotFound(OpenKeys(directory, Access::kWrite, source).status()));
  setenv("SALLYPORT_TEST_KEYRING", keyring.c_str(), 1);
  auto again = OpenKeys(directory, Access::kWrite, source);
  REQUIRE(again.ok());
  CHECK((*again)->store_id() == (*keys)->store_id());
  CHECK((*again)->CreateDataKey(1).ok());
  CHECK(*(*again)->WasRotated() == false);
  unsetenv("SALLYPORT_TEST_KEYRING");
}

TEST_CASE("a key command wraps, and reading the same segment again does not run it again") {
  KeysDirectory directory;
  const std::string counter = directory.path() + "/runs";
  const KeySource source{KeySource::Kind::kCommand, ToyCommand(counter)};
  std::string key;
  {
    auto keys = OpenKeys(directory, Access::kWrite, source);
    REQUIRE(keys.ok());
    auto made = (*keys)->CreateDataKey(1);
    REQUIRE(made.ok());
    key = made->key.bytes();
    CHECK(Contains(Contents(directory.layout().DataKey(1)), "kek exec\ntoken toy:"));
    CHECK(*(*keys)->WasRotated() == false);
  }
  CHECK(Contents(counter) == "wrap\nwrap\nwrap\n");
  auto keys = OpenKeys(directory, Access::kRead, source);
  REQUIRE(keys.ok());
  for (int i = 0; i < 10; ++i) CHECK((*keys)->OpenDataKey(1)->key.bytes() == key);
  CHECK(Contents(counter) == "wrap\nwrap\nwrap\nunwrap\nunwrap\nunwrap\n");
  CHECK_FALSE(FileExists(directory.keyring()));
  // The command alone does not make a file's key: the file is bound to its segment all the same.
  std::string text = Contents(directory.layout().DataKey(1));
  text.replace(text.find("data 1"), 6, "data 2");
  PutFile(directory.layout().DataKey(2), text);
  CHECK(absl::IsDataLoss((*keys)->OpenDataKey(2).status()));
}

TEST_CASE("a rotated keyring is noticed, and the next data key is wrapped under the new key") {
  KeysDirectory directory;
  auto keys = OpenKeys(directory, Access::kWrite);
  auto reader = OpenKeys(directory, Access::kRead);
  REQUIRE((*keys)->CreateDataKey(1).ok());
  CHECK(*(*keys)->WasRotated() == false);
  const auto file = ReadKeyringFile(directory.keyring());
  REQUIRE(file.ok());
  const auto rotated = WithFreshKey(file->text.view(), file->keyring, absl::Now());
  REQUIRE(ReplaceFile(RealFileSystem(), directory.keyring(), rotated->view()).ok());
  CHECK(*(*keys)->WasRotated());
  REQUIRE((*keys)->CreateDataKey(2).ok());
  CHECK(*(*keys)->WasRotated() == false);
  const std::vector<std::string> words = CurrentKeyWords(std::string(rotated->view()));
  CHECK(Contains(Contents(directory.layout().DataKey(2)), "kek " + words[1]));
  CHECK_FALSE(Contains(Contents(directory.layout().DataKey(1)), "kek " + words[1]));
  // One that was opened before the rotation reads on.
  CHECK((*reader)->OpenDataKey(1).ok());
  CHECK((*reader)->OpenDataKey(2).ok());
}

TEST_CASE("nothing new is sealed once the keyring is gone") {
  KeysDirectory directory;
  auto keys = OpenKeys(directory, Access::kWrite);
  REQUIRE((*keys)->CreateDataKey(1).ok());
  std::filesystem::remove(directory.keyring());
  const absl::Status refused = (*keys)->CreateDataKey(2).status();
  CHECK(absl::IsUnavailable(refused));
  CHECK(Contains(Said(refused), directory.keyring()));
  CHECK_FALSE(FileExists(directory.layout().DataKey(2)));
  CHECK((*keys)->OpenDataKey(1).ok());
}

TEST_CASE("a key command that fails makes no data key, and says so") {
  KeysDirectory directory;
  const std::string away = directory.path() + "/away";
  const KeySource source{
      KeySource::Kind::kCommand,
      "test ! -e " + away + " || { echo no route to the KMS >&2; exit 1; }; " + ToyCommand(directory.path() + "/runs")};
  auto keys = OpenKeys(directory, Access::kWrite, source);
  REQUIRE((*keys)->CreateDataKey(1).ok());
  PutFile(away, "");
  const absl::Status refused = (*keys)->CreateDataKey(2).status();
  CHECK(absl::IsUnavailable(refused));
  CHECK(Contains(Said(refused), "no route to the KMS"));
  std::filesystem::remove(away);
  CHECK((*keys)->CreateDataKey(2).ok());
}

TEST_CASE("the keyring is beside the data directory however that is written") {
  CHECK(StoreLayout("/var/lib/data").DefaultKeyring() == "/var/lib/data.keyring");
  CHECK(StoreLayout("/var/lib/data//").DefaultKeyring() == "/var/lib/data.keyring");
  CHECK(StoreLayout("./data/").DefaultKeyring() == "./data.keyring");
  CHECK(StoreLayout(".").DefaultKeyring() == std::filesystem::current_path().string() + ".keyring");
}

}  // namespace
}  // namespace sallyport::recorder
