#include <unistd.h>

#include "recorder/format/data_key_state.h"
#include "recorder/keys/key_admin.h"
#include "recorder/keys/key_file.h"
#include "recorder/keys/keyring.h"
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

absl::StatusOr<bool> NoHolds(uint64_t) { return false; }

// A segment file with a header that names the data key kept for it and, if it is closed, a footer, and nothing between.
void PutSegment(const StoreLayout& layout, uint64_t number, std::optional<absl::Time> closed) {
  std::filesystem::create_directory(layout.LogDirectory());
  SegmentHeader header;
  header.number = number;
  header.created_ns = 1'000'000'000;
  if (const auto key = ReadKeyFile(layout.DataKey(number), KeyPurpose::Data(number)); key.ok()) {
    header.store_id = key->store_id;
    header.key_id = key->id;
  }
  char header_bytes[kSegmentHeaderSize];
  header.Encode(header_bytes);
  std::string bytes(header_bytes, sizeof(header_bytes));
  if (closed.has_value()) {
    SegmentFooter footer;
    footer.size = bytes.size();
    footer.closed_ns = absl::ToUnixNanos(*closed);
    char body[kFooterBodySize];
    footer.Encode(body);
    BlockHeader block;
    block.type = BlockType::kFooter;
    block.position = Position(number, bytes.size());
    block.stored_length = block.plain_length = sizeof(body);
    block.payload_hash = PayloadHash(block.format, "", {body, sizeof(body)}, "");
    char block_bytes[kBlockHeaderSize];
    block.Encode(block_bytes);
    bytes.append(block_bytes, sizeof(block_bytes));
    bytes.append(body, sizeof(body));
  }
  PutFile(layout.Segment(number), bytes);
}

absl::Time At(int seconds) { return absl::FromUnixSeconds(seconds); }

// A store with data keys for segments 1 to 3; what their keys are is in `keys`.
struct Store {
  Store() {
    auto opened = OpenKeys(directory, Access::kWrite);
    REQUIRE(opened.ok());
    for (uint64_t segment : {1, 2, 3}) {
      keys.emplace_back((*opened)->CreateDataKey(segment)->key.bytes());
    }
  }
  // Checks that all keys can be opened and are what they were.
  void CheckKeys(const std::optional<KeySource>& source = {}) const {
    auto opened = OpenKeys(directory, Access::kRead, source);
    INFO(opened.status());
    REQUIRE(opened.ok());
    for (uint64_t segment : {1, 2, 3}) {
      auto key = (*opened)->OpenDataKey(segment);
      INFO(key.status());
      REQUIRE(key.ok());
      REQUIRE(key->key.bytes() == keys[segment - 1]);
    }
  }

  KeysDirectory directory;
  std::vector<std::string> keys;
};

TEST_CASE("the status of keys says what wraps what, and how to check checkpoints") {
  Store store;
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
  Store store;
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
  Store store;
  const std::string elsewhere = store.directory.path() + "/elsewhere";
  std::filesystem::rename(store.directory.keyring(), elsewhere);
  std::filesystem::create_symlink(elsewhere, store.directory.keyring());
  REQUIRE(Rotate(store.directory).ok());
  CHECK(std::filesystem::is_symlink(store.directory.keyring()));
  CHECK(ReadKeyringFile(elsewhere)->keyring.keys().size() == 2);
}

TEST_CASE("a rotation cut off anywhere leaves the old keyring or the new one") {
  for (int operations = 0;; ++operations) {
    Store store;
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
  Store store;
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
    Store store;
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
  Store store;
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
  Store store;
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
  Store store;
  REQUIRE(Rotate(store.directory).ok());
  REQUIRE(Rewrap(store.directory).ok());
  PutFile(store.directory.layout().DataKey(2), "damaged");
  CHECK(absl::IsDataLoss(Rewrap(store.directory, UnusedKeys::kDrop).status()));
  CHECK(ReadKeyringFile(store.directory.keyring())->keyring.keys().size() == 2);
}

TEST_CASE("a keyring that does not open the store is neither rotated nor used to rewrap") {
  Store store;
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
  Store store;
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
  Store store;
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

TEST_CASE("a shredded segment's key is gone from the disk, and only that one") {
  Store store;
  const StoreLayout layout = store.directory.layout();
  PutSegment(layout, 1, At(100));
  PutSegment(layout, 2, At(200));
  PutSegment(layout, 3, std::nullopt);
  PutFile(layout.DataKey(2) + ".tmp", Contents(layout.DataKey(2)));
  // A second name shows what became of the bytes.
  std::filesystem::create_hard_link(layout.DataKey(2), store.directory.path() + "/bytes");
  auto gateway = OpenKeys(store.directory, Access::kRead);
  REQUIRE((*gateway)->OpenDataKey(2).ok());
  REQUIRE(ShredSegment(layout, 2, RealFileSystem()).ok());
  CHECK(Contents(store.directory.path() + "/bytes").find_first_not_of('\0') == std::string::npos);
  CHECK_FALSE(FileExists(layout.DataKey(2)));
  CHECK_FALSE(FileExists(layout.DataKey(2) + ".tmp"));
  CHECK(absl::IsNotFound((*gateway)->OpenDataKey(2).status()));
  CHECK((*gateway)->OpenDataKey(1).ok());
  CHECK(StateOfDataKey(layout, 2) == DataKeyState::kDestroyed);
  CHECK(Contents(layout.DestroyedDataKey(2)).empty());
  CHECK(ShredSegment(layout, 2, RealFileSystem()).ok());
  CHECK(FinishShredding(layout, RealFileSystem()).ok());
  CHECK(StateOfDataKey(layout, 2) == DataKeyState::kDestroyed);
}

TEST_CASE("a missing key is not one that was destroyed, until somebody says so") {
  Store store;
  const StoreLayout layout = store.directory.layout();
  PutSegment(layout, 2, At(200));
  CHECK(StateOfDataKey(layout, 2) == DataKeyState::kThere);
  std::filesystem::remove(layout.DataKey(2));
  CHECK(StateOfDataKey(layout, 2) == DataKeyState::kMissing);
  // It can be asked for, which makes the mark.
  const auto plan = PlanShredding(layout, {{2}, {}}, NoHolds);
  REQUIRE(plan.ok());
  CHECK(plan->segments.size() == 1);
  CHECK(plan->already.empty());
  REQUIRE(ShredSegment(layout, 2, RealFileSystem()).ok());
  CHECK(StateOfDataKey(layout, 2) == DataKeyState::kDestroyed);
  CHECK(PlanShredding(layout, {{2}, {}}, NoHolds)->already.size() == 1);
}

TEST_CASE("a key that comes back from a backup is there again, and can be destroyed again") {
  Store store;
  const StoreLayout layout = store.directory.layout();
  PutSegment(layout, 2, At(200));
  const std::string backup = Contents(layout.DataKey(2));
  REQUIRE(ShredSegment(layout, 2, RealFileSystem()).ok());
  PutFile(layout.DataKey(2), backup);
  CHECK(StateOfDataKey(layout, 2) == DataKeyState::kThere);
  const std::string bytes = store.directory.path() + "/bytes";
  std::filesystem::create_hard_link(layout.DataKey(2), bytes);
  REQUIRE(ShredSegment(layout, 2, RealFileSystem()).ok());
  CHECK(StateOfDataKey(layout, 2) == DataKeyState::kDestroyed);
  CHECK(Contents(bytes).empty());
}

TEST_CASE("what is not the key of that segment of this store is not destroyed") {
  Store store;
  KeysDirectory other;
  const StoreLayout layout = store.directory.layout();
  PutSegment(layout, 2, At(200));
  const std::string path = layout.DataKey(2);
  const std::string elsewhere = store.directory.path() + "/elsewhere";
  std::string about = "another store";
  SECTION("the key of another store's segment, under the same keyring") {
    auto keys = OpenKeys(other, Access::kWrite, KeySource{KeySource::Kind::kFile, store.directory.keyring()});
    REQUIRE((*keys)->CreateDataKey(2).ok());
    PutFile(path, Contents(other.layout().DataKey(2)));
  }
  SECTION("the key of another segment") {
    PutFile(path, Contents(layout.DataKey(1)));
    about = "data 1";
  }
  SECTION("a key made later, which the segment does not name") {
    REQUIRE((*OpenKeys(store.directory, Access::kWrite))->CreateDataKey(2).ok());
    about = "names another key";
  }
  SECTION("a file that is no key") {
    PutFile(path, "somebody's notes");
    about = "damaged";
  }
  SECTION("a link to the key") {
    std::filesystem::rename(path, elsewhere);
    std::filesystem::create_symlink(elsewhere, path);
    about = "is a link";
  }
  SECTION("a directory") {
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    about = "no file";
  }
  const std::string before = Contents(path);
  const absl::Status refused = ShredSegment(layout, 2, RealFileSystem());
  INFO(refused);
  CHECK_FALSE(refused.ok());
  CHECK(Contains(Said(refused), path));
  CHECK(Contains(Said(refused), about));
  CHECK(std::filesystem::exists(path));
  CHECK(Contents(path) == before);
}

TEST_CASE("what has the name of a mark and is none is followed nowhere") {
  Store store;
  const StoreLayout layout = store.directory.layout();
  PutSegment(layout, 2, At(200));
  const std::string elsewhere = store.directory.path() + "/elsewhere";
  PutFile(elsewhere, "somebody's notes");
  SECTION("a link") { std::filesystem::create_symlink(elsewhere, layout.DestroyedDataKey(2)); }
  SECTION("a link to a key that is gone") {
    std::filesystem::remove(layout.DataKey(2));
    std::filesystem::create_symlink(elsewhere, layout.DestroyedDataKey(2));
  }
  SECTION("a directory") { std::filesystem::create_directory(layout.DestroyedDataKey(2)); }
  CHECK(FinishShredding(layout, RealFileSystem()).ok());
  CHECK(absl::IsFailedPrecondition(ShredSegment(layout, 2, RealFileSystem())));
  CHECK(Contents(elsewhere) == "somebody's notes");
}

TEST_CASE("a key that came back over an unfinished mark leaves none of its bytes") {
  Store store;
  const StoreLayout layout = store.directory.layout();
  PutSegment(layout, 2, At(200));
  const std::string key = Contents(layout.DataKey(2));
  const std::string bytes = store.directory.path() + "/bytes";
  std::filesystem::rename(layout.DataKey(2), layout.DestroyedDataKey(2));  // and cut off there
  std::filesystem::create_hard_link(layout.DestroyedDataKey(2), bytes);
  PutFile(layout.DataKey(2), key);
  REQUIRE(ShredSegment(layout, 2, RealFileSystem()).ok());
  CHECK(Contents(bytes).empty());
}

TEST_CASE("shredding cut off anywhere leaves the key whole or the segment shredded, and can be run again") {
  for (int operations = 0;; ++operations) {
    INFO("cut off after " << operations);
    Store store;
    const StoreLayout layout = store.directory.layout();
    PutSegment(layout, 2, At(200));
    PutFile(layout.DataKey(2) + ".tmp", Contents(layout.DataKey(2)));
    const std::string bytes = store.directory.path() + "/bytes";
    std::filesystem::create_hard_link(layout.DataKey(2), bytes);
    CutOffFileSystem files(operations);
    const auto status = ShredSegment(layout, 2, files);
    CHECK(status.ok() == !files.was_cut());
    const auto opened = (*OpenKeys(store.directory, Access::kRead))->OpenDataKey(2);
    CHECK((opened.ok() || absl::IsNotFound(opened.status())));
    // At no time does it look as if it was lost.
    CHECK(StateOfDataKey(layout, 2) == (opened.ok() ? DataKeyState::kThere : DataKeyState::kDestroyed));
    const bool again = GENERATE(true, false);
    if (!opened.ok() && !again) {
      // As the next start does.
      REQUIRE(FinishShredding(layout, RealFileSystem()).ok());
    } else {
      REQUIRE(ShredSegment(layout, 2, RealFileSystem()).ok());
    }
    CHECK(absl::IsNotFound((*OpenKeys(store.directory, Access::kRead))->OpenDataKey(2).status()));
    CHECK(Contents(bytes).find_first_not_of('\0') == std::string::npos);
    size_t left = 0;
    for (const auto& file : std::filesystem::directory_iterator(layout.KeysDirectory())) {
      CHECK((file.path().extension() == ".key" || file.path() == layout.DestroyedDataKey(2)));
      ++left;
    }
    CHECK(left == 5);
    CHECK(StateOfDataKey(layout, 2) == DataKeyState::kDestroyed);
    CHECK(Contents(layout.DestroyedDataKey(2)).empty());
    if (!files.was_cut()) break;
  }
}

TEST_CASE("only closed segments are planned to be shredded, by number or by age") {
  Store store;
  const StoreLayout layout = store.directory.layout();
  PutSegment(layout, 1, At(100));
  PutSegment(layout, 2, At(200));
  PutSegment(layout, 3, std::nullopt);
  const auto numbers = [](const absl::StatusOr<ShredPlan>& plan) {
    REQUIRE(plan.ok());
    std::vector<uint64_t> all;
    for (const auto& segment : plan->segments) all.push_back(segment.number);
    return all;
  };
  using Numbers = std::vector<uint64_t>;
  const auto plan = [&](const ShredQuery& query) { return PlanShredding(layout, query, NoHolds); };
  CHECK(numbers(plan({{2, 2}, {}})) == Numbers{2});
  CHECK(plan({{2}, {}})->segments[0].closed == At(200));
  CHECK(numbers(plan({{}, At(1000)})) == Numbers{1, 2});
  CHECK(numbers(plan({{}, At(200)})) == Numbers{1});
  CHECK(numbers(plan({{2}, At(200)})) == Numbers{1, 2});
  CHECK(numbers(plan({{}, At(100)})).empty());
  CHECK(absl::IsFailedPrecondition(plan({{3}, {}}).status()));
  CHECK(absl::IsNotFound(plan({{4}, {}}).status()));
  // Shredded before, held, damaged.
  REQUIRE(ShredSegment(layout, 1, RealFileSystem()).ok());
  const auto held = PlanShredding(layout, {{}, At(1000)}, [](uint64_t segment) { return segment == 2; });
  CHECK(numbers(held).empty());
  CHECK(held->already == Numbers{1});
  CHECK(held->held == Numbers{2});
  const auto unknown = PlanShredding(layout, {{2}, {}}, [](uint64_t) { return absl::DataLossError("holds"); });
  CHECK(absl::IsDataLoss(unknown.status()));
  std::string bytes = Contents(layout.Segment(2));
  bytes[33] ^= 1;
  PutFile(layout.Segment(2), bytes);
  CHECK(plan({{}, At(1000)})->damaged == Numbers{2});
  CHECK(absl::IsDataLoss(plan({{2}, {}}).status()));
}

}  // namespace
}  // namespace sallyport::recorder
