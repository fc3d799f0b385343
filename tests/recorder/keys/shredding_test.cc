// A segment's key is destroyed, and nothing else is.

#include "recorder/format/data_key_state.h"
#include "recorder/keys/key_admin.h"
#include "tests/recorder/keys/store_with_keys.h"
#include "tests/recorder/keys_fixture.h"

namespace sallyport::recorder {
namespace {

absl::StatusOr<bool> NoHolds(uint64_t) { return false; }

TEST_CASE("a shredded segment's key is gone from the disk, and only that one") {
  StoreWithKeys store;
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
  StoreWithKeys store;
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
  StoreWithKeys store;
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
  StoreWithKeys store;
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
  StoreWithKeys store;
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
  StoreWithKeys store;
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
    StoreWithKeys store;
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
  StoreWithKeys store;
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
