// Keys are shown, rotated and wrapped anew.
#include "recorder/keys/key_admin.h"

#include <unistd.h>

#include "recorder/keys/keyring.h"
#include "tests/recorder/keys/store_with_keys.h"
#include "tests/recorder/keys_fixture.h"
#include "tests/skipped.h"

namespace sallyport::recorder {
namespace {

constexpr absl::Time kRotated = absl::FromUnixSeconds(1'800'000'000);

absl::StatusOr<Rotation> Rotate(const KeysDirectory& directory, FileSystem& files = RealFileSystem()) {
  return RotateKeyring(directory.layout(), {}, kRotated, files);
}

absl::StatusOr<Rewrapping> Rewrap(const KeysDirectory& directory, UnusedKeys unused = UnusedKeys::kKeep,
                                  FileSystem& files = RealFileSystem(), const std::optional<KeySource>& source = {}) {
  return RewrapKeys(directory.layout(), source, unused, files, [](uint64_t, uint64_t) {});
}

TEST_CASE("the status of keys says what wraps what, and how to check checkpoints") {
  StoreWithKeys store;
  PutSegment(store.directory.layout(), 1, At(100));
  PutSegment(store.directory.layout(), 2, At(200));
  std::filesystem::remove(store.directory.layout().DataKey(1));
  REQUIRE(ShredSegment(store.directory.layout(), 2, RealFileSystem()).ok());
  const auto rotation = Rotate(store.directory);
  REQUIRE(rotation.ok());
  const auto status = ReadKeysStatus(store.directory.layout(), {});
  REQUIRE(status.ok());
  REQUIRE(status->key_encryption_keys.size() == 2);
  CHECK(status->key_encryption_keys[0].key_files == 3);
  CHECK_FALSE(status->key_encryption_keys[0].current);
  CHECK(status->key_encryption_keys[1].key_files == 0);
  CHECK(status->key_encryption_keys[1].current);
  CHECK(status->key_encryption_keys[1].id == rotation->id);
  CHECK(status->key_encryption_keys[0].created == kMade);
  CHECK(status->key_encryption_keys[1].created == kRotated);
  REQUIRE(status->segments.size() == 3);
  CHECK_FALSE(status->segments[0].key_encryption_key.has_value());
  CHECK_FALSE(status->segments[0].shredded);
  CHECK_FALSE(status->segments[1].key_encryption_key.has_value());
  CHECK(status->segments[1].shredded);
  CHECK(status->segments[2].key_encryption_key == status->key_encryption_keys[0].id);
  CHECK(Contains(status->source, store.directory.keyring()));
  CHECK(status->store_id.size() == 32);
  CHECK(status->verifier_key.starts_with("sallyport/" + status->store_id + "+"));
  // name + 8 hex digits + base64 of 33 bytes
  CHECK(status->verifier_key.size() == 10 + 32 + 1 + 8 + 1 + 44);
}

TEST_CASE("rotation keeps what is in the keyring, its mode and its comments") {
  StoreWithKeys store;
  const std::string before = Contents(store.directory.keyring());
  const auto rotation = Rotate(store.directory);
  REQUIRE(rotation.ok());
  CHECK(std::filesystem::equivalent(rotation->keyring, store.directory.keyring()));
  CHECK(Contents(store.directory.keyring()).starts_with(before));
  CHECK(ModeOf(store.directory.keyring()) == 0600);
  CHECK(ReadKeyringFile(store.directory.keyring())->keyring.current().id == rotation->id);
  store.CheckKeys();
}

TEST_CASE("a keyring behind a link is rotated where it is") {
  StoreWithKeys store;
  const std::string elsewhere = store.directory.path() + "/elsewhere";
  std::filesystem::rename(store.directory.keyring(), elsewhere);
  std::filesystem::create_symlink(elsewhere, store.directory.keyring());
  REQUIRE(Rotate(store.directory).ok());
  CHECK(std::filesystem::is_symlink(store.directory.keyring()));
  CHECK(ReadKeyringFile(elsewhere)->keyring.keys().size() == 2);
}

TEST_CASE("a rotation cut off anywhere leaves the old keyring or the new one") {
  for (int operations = 0;; ++operations) {
    StoreWithKeys store;
    CutOffFileSystem files(operations);
    const auto rotation = Rotate(store.directory, files);
    const auto ring = ReadKeyringFile(store.directory.keyring());
    REQUIRE(ring.ok());
    store.CheckKeys();
    if (!files.was_cut()) {
      CHECK(ring->keyring.keys().size() == 2);
      break;
    }
    CHECK_FALSE(rotation.ok());
    REQUIRE(Rotate(store.directory).ok());
    store.CheckKeys();
  }
}

TEST_CASE("rewrapping moves every key file under the current key, and then the old key can go") {
  StoreWithKeys store;
  const std::string old = ReadKeyringFile(store.directory.keyring())->keyring.current().id;
  const auto rotation = Rotate(store.directory);
  const auto first = Rewrap(store.directory);
  REQUIRE(first.ok());
  CHECK(first->rewrapped == 5);
  CHECK(first->dropped.empty());
  store.CheckKeys();
  const auto second = Rewrap(store.directory, UnusedKeys::kDrop);
  REQUIRE(second.ok());
  CHECK(second->rewrapped == 0);
  CHECK(second->left == 5);
  CHECK(second->dropped == std::vector<std::string>{old});
  const auto ring = ReadKeyringFile(store.directory.keyring());
  REQUIRE(ring.ok());
  CHECK(ring->keyring.keys().size() == 1);
  CHECK(ring->keyring.current().id == rotation->id);
  CHECK(Contains(Contents(store.directory.keyring()), "# Sallyport keyring"));
  store.CheckKeys();
}

TEST_CASE("rewrapping cut off anywhere loses no key and can be run again") {
  for (int operations = 0;; ++operations) {
    StoreWithKeys store;
    REQUIRE(Rotate(store.directory).ok());
    CutOffFileSystem files(operations);
    const auto rewrapping = Rewrap(store.directory, UnusedKeys::kDrop, files);
    INFO("cut off after " << operations << ": " << rewrapping.status());
    store.CheckKeys();
    if (!files.was_cut()) {
      CHECK(rewrapping.ok());
      CHECK(operations > 30);
      break;
    }
    REQUIRE_FALSE(rewrapping.ok());
    REQUIRE(Rewrap(store.directory, UnusedKeys::kDrop).ok());
    store.CheckKeys();
    REQUIRE(ReadKeyringFile(store.directory.keyring())->keyring.keys().size() == 1);
    for (const auto& entry : std::filesystem::directory_iterator(store.directory.layout().KeysDirectory())) {
      REQUIRE(entry.path().extension() == ".key");
    }
  }
}

TEST_CASE("a gateway that runs goes on under the current key while the old one is dropped") {
  StoreWithKeys store;
  auto gateway = OpenKeys(store.directory, Access::kWrite);
  REQUIRE(gateway.ok());
  REQUIRE(Rotate(store.directory).ok());
  REQUIRE(Rewrap(store.directory, UnusedKeys::kDrop).ok());
  // It has not looked at the keyring since; the key it remembers would be lost with it.
  auto key = (*gateway)->CreateDataKey(4);
  REQUIRE(key.ok());
  CHECK((*gateway)->OpenDataKey(1)->key.bytes() == store.keys[0]);
  CHECK((*OpenKeys(store.directory, Access::kRead))->OpenDataKey(4)->key.bytes() == key->key.bytes());
}

TEST_CASE("a key that came into use while files were rewrapped is not dropped") {
  StoreWithKeys store;
  const auto second = Rotate(store.directory);
  REQUIRE(second.ok());
  bool rotated = false;
  const auto rewrapping =
      RewrapKeys(store.directory.layout(), {}, UnusedKeys::kDrop, RealFileSystem(), [&](uint64_t, uint64_t) {
        if (!rotated) REQUIRE(Rotate(store.directory).ok());
        rotated = true;
      });
  REQUIRE(rewrapping.ok());
  CHECK(rewrapping->dropped.size() == 1);
  // All files are under the second key, though the third is the current one.
  REQUIRE(ReadKeyringFile(store.directory.keyring())->keyring.Find(second->id) != nullptr);
  store.CheckKeys();
}

TEST_CASE("no key is dropped while a key file cannot be read") {
  StoreWithKeys store;
  REQUIRE(Rotate(store.directory).ok());
  REQUIRE(Rewrap(store.directory).ok());
  PutFile(store.directory.layout().DataKey(2), "damaged");
  CHECK(absl::IsDataLoss(Rewrap(store.directory, UnusedKeys::kDrop).status()));
  CHECK(ReadKeyringFile(store.directory.keyring())->keyring.keys().size() == 2);
}

TEST_CASE("a keyring that does not open the store is neither rotated nor used to rewrap") {
  StoreWithKeys store;
  const KeySource other{KeySource::Kind::kFile, store.directory.path() + "/other"};
  const std::string text(NewKeyringText(kRotated)->view());
  PutFile(other.value, text);
  CHECK(
      absl::IsFailedPrecondition(RotateKeyring(store.directory.layout(), other, kRotated, RealFileSystem()).status()));
  CHECK(absl::IsFailedPrecondition(Rewrap(store.directory, UnusedKeys::kDrop, RealFileSystem(), other).status()));
  CHECK(Contents(other.value) == text);
  store.CheckKeys();
}

TEST_CASE("another user's files are not replaced, which would shut that user out") {
  if (geteuid() != 0) return testing::Skip("only root can give files away");
  StoreWithKeys store;
  REQUIRE(Rotate(store.directory).ok());
  const bool keyring = GENERATE(true, false);
  const std::string path = keyring ? store.directory.keyring() : store.directory.layout().KeysDirectory();
  REQUIRE(chown(path.c_str(), 12345, 12345) == 0);
  CHECK(absl::IsPermissionDenied(Rotate(store.directory).status()));
  CHECK(absl::IsPermissionDenied(Rewrap(store.directory, UnusedKeys::kDrop).status()));
  if (!keyring) {
    CHECK(absl::IsPermissionDenied(ShredSegment(store.directory.layout(), 1, RealFileSystem())));
    CHECK(FileExists(store.directory.layout().DataKey(1)));
  }
  store.CheckKeys();
}

TEST_CASE("keys in the environment and those of a command are not rotated, but it is said how") {
  StoreWithKeys store;
  const auto said = [&](const std::string& source) {
    const auto status =
        RotateKeyring(store.directory.layout(), *KeySource::Parse(source), kRotated, RealFileSystem()).status();
    CHECK(absl::IsFailedPrecondition(status));
    return Said(status);
  };
  CHECK(Contains(said("env:X"), "rewrap"));
  CHECK(Contains(said("exec:false"), "rotate it there"));
}

TEST_CASE("rewrapping with a key command runs it for every file, and loses nothing if it fails on the way") {
  KeysDirectory directory;
  const std::string counter = directory.path() + "/runs";
  const std::string broken = directory.path() + "/broken";
  // Fails once there have been so many runs.
  const KeySource source{KeySource::Kind::kCommand, "test \"$(wc -l < " + counter + ")\" -lt \"$(cat " + broken +
                                                        ")\" || exit 1; " + ToyCommand(counter)};
  PutFile(counter, "");
  PutFile(broken, "1000");
  std::string key;
  {
    auto keys = OpenKeys(directory, Access::kWrite, source);
    REQUIRE(keys.ok());
    key = (*keys)->CreateDataKey(1)->key.bytes();
  }
  const auto check = [&] {
    PutFile(broken, "1000");
    auto keys = OpenKeys(directory, Access::kRead, source);
    REQUIRE(keys.ok());
    REQUIRE((*keys)->OpenDataKey(1)->key.bytes() == key);
  };
  check();
  for (int runs = 0;; ++runs) {
    PutFile(counter, "");
    PutFile(broken, std::to_string(runs));
    const auto rewrapping = Rewrap(directory, UnusedKeys::kKeep, RealFileSystem(), source);
    check();
    if (rewrapping.ok()) {
      CHECK(rewrapping->rewrapped == 3);
      CHECK(runs == 10);
      break;
    }
  }
  CHECK(absl::IsFailedPrecondition(Rewrap(directory, UnusedKeys::kDrop, RealFileSystem(), source).status()));
}

}  // namespace
}  // namespace sallyport::recorder
