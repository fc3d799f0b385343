#include "recorder/evidence/checkpointer.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "recorder/evidence/directory_sink.h"
#include "tests/recorder/evidence/checkpoint_fixture.h"
#include "tests/recorder/evidence/crashing_file_system.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

using testing::CrashingFileSystem;
using testing::FakeKeys;
using testing::FakeLog;
using testing::OnlyOnFlush;
using testing::RecordingSink;

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A store's tree directory, with what writes it.
struct Store {
  Store() { std::filesystem::create_directory(directory.store()); }
  // As recovery does: from what was persisted, with the leaves behind it from the log.
  absl::StatusOr<std::unique_ptr<Checkpointer>> Start(const FakeLog& log, Checkpointer::Options options,
                                                      FileSystem& files = RealFileSystem()) {
    absl::StatusOr<std::optional<TreeState>> persisted = LoadTreeState(layout, keys);
    if (!persisted.ok()) return persisted.status();
    const TreeState at = persisted->value_or(TreeState());
    if (at.range.end() > log.size()) return absl::DataLossError("more was signed than the log has");
    auto checkpointer = Checkpointer::Start(layout, keys, files, std::move(options), at);
    if (checkpointer.ok()) (*checkpointer)->Advance(log.From(at.range.end()), log.State());
    return checkpointer;
  }
  std::unique_ptr<Checkpointer> MustStart(const FakeLog& log, Checkpointer::Options options = OnlyOnFlush()) {
    auto checkpointer = Start(log, std::move(options));
    INFO(checkpointer.status().ToString());
    REQUIRE(checkpointer.ok());
    return *std::move(checkpointer);
  }
  std::vector<Hash> Leaves() {
    absl::StatusOr<LeafFile> file = LeafFile::Open(layout);
    if (!file.ok()) return {};
    std::vector<Hash> leaves(file->Size().value());
    CHECK(file->Read(0, absl::MakeSpan(leaves)).ok());
    return leaves;
  }

  TemporaryDirectory directory;
  StoreLayout layout{directory.store()};
  FakeKeys keys;
};

// One step of a log that grows.
void Grow(FakeLog& log, Checkpointer& checkpointer, size_t count, const std::string& salt) {
  const uint64_t before = log.size();
  log.Append(count, salt);
  checkpointer.Advance(log.From(before), log.State());
}

}  // namespace

TEST_CASE("what is signed is on disk, and found there again") {
  Store store;
  FakeLog log;
  CHECK(LoadTreeState(store.layout, store.keys).value() == std::nullopt);
  CHECK(absl::IsNotFound(ReadCheckpoint(store.layout).status()));
  {
    auto checkpointer = store.MustStart(log);
    for (size_t count : {1, 2, 70, 1500}) {
      Grow(log, *checkpointer, count, "a");
      REQUIRE(checkpointer->Flush().ok());
      absl::StatusOr<std::optional<TreeState>> state = LoadTreeState(store.layout, store.keys);
      REQUIRE(state.ok());
      CHECK((*state)->range.nodes() == log.State().range.nodes());
      CHECK((*state)->end == log.State().end);
      CHECK((*state)->next_sequence == log.State().next_sequence);
      CHECK(store.Leaves() == log.leaves());
      absl::StatusOr<std::string> note = ReadCheckpoint(store.layout);
      REQUIRE(note.ok());
      CHECK(OpenCheckpoint(*note, {store.keys.verifier()}).value().checkpoint.root == log.Root(log.size()));
    }
    CHECK(checkpointer->stats().checkpoints == 4);
    CHECK(checkpointer->stats().signed_at.value() <= std::chrono::steady_clock::now());
    Grow(log, *checkpointer, 5, "a");
    // Signed by the destructor.
  }
  CHECK(LoadTreeState(store.layout, store.keys).value()->range.end() == log.size());
  auto again = store.MustStart(log);
  CHECK(again->stats().size == log.size());
  Grow(log, *again, 1, "b");
  CHECK(again->Flush().ok());
  CHECK(store.Leaves() == log.leaves());
}

TEST_CASE("a checkpoint is signed after enough blocks or time, and not while nothing grows") {
  Store store;
  FakeLog log;
  auto sink = std::make_shared<RecordingSink>();
  Checkpointer::Options options = OnlyOnFlush();
  options.sinks = {sink};
  SECTION("after so many blocks") {
    options.blocks = 10;
    auto checkpointer = store.MustStart(log, options);
    Grow(log, *checkpointer, 9, "a");
    Grow(log, *checkpointer, 1, "a");
    sink->WaitForSize(10);
    Grow(log, *checkpointer, 25, "a");
    sink->WaitForSize(35);
    CHECK(checkpointer->Flush().ok());
    CHECK(checkpointer->stats().checkpoints == 2);
  }
  SECTION("after some time") {
    options.interval = absl::Milliseconds(1);
    auto checkpointer = store.MustStart(log, options);
    Grow(log, *checkpointer, 1, "a");
    sink->WaitForSize(1);
    Grow(log, *checkpointer, 1, "a");
    sink->WaitForSize(2);
  }
  SECTION("never without growth") {
    options.interval = absl::ZeroDuration();
    auto checkpointer = store.MustStart(log, options);
    Grow(log, *checkpointer, 1, "a");
    REQUIRE(checkpointer->Flush().ok());
    for (int i = 0; i < 5; ++i) {
      checkpointer->Advance({}, log.State());
      REQUIRE(checkpointer->Flush().ok());
    }
    CHECK(checkpointer->stats().checkpoints == 1);
  }
}

// A few lives of a store, the first of which ends at the operation `fail_at`; what was published in all of them must be
// one tree that grew.
void LiveAndDie(int fail_at, CrashingFileSystem::Effect effect, bool power_failure, int* operations) {
  Store store;
  FakeLog log;
  auto sink = std::make_shared<RecordingSink>();
  std::atomic<bool> too_early = false;  // published before it was persisted
  for (int life = 0; life < 4; ++life) {
    CrashingFileSystem files;
    // The second life is cut off, too, somewhere in its recovery.
    if (life < 2) files.FailAt(life == 0 ? fail_at : fail_at / 2, effect, CrashingFileSystem::Then::kFailAll);
    sink->Check([&](const SignedCheckpoint& checkpoint) {
      // Even if the power failed now, the next start would know of it.
      absl::StatusOr<StoredCheckpoint> synced = StoredCheckpoint::Parse(files.Synced(store.layout.Checkpoint()).empty()
                                                                            ? Contents(store.layout.Checkpoint())
                                                                            : files.Synced(store.layout.Checkpoint()));
      // What the life before persisted may be published while a newer one is persisted already.
      if (!synced.ok() || synced->checkpoint.checkpoint.size < checkpoint.checkpoint.size) too_early = true;
    });
    Checkpointer::Options options = OnlyOnFlush();
    options.sinks = {sink};
    auto checkpointer = store.Start(log, options, files);
    INFO(checkpointer.status().ToString());
    if (life >= 2) REQUIRE(checkpointer.ok());
    for (int step = 1; checkpointer.ok() && step <= 3; ++step) {
      Grow(log, **checkpointer, static_cast<size_t>(step), absl::StrCat("life ", life));
      const absl::Status status = (*checkpointer)->Flush();
      if (life >= 2) CHECK(status.ok());
      CHECK((*checkpointer)->WaitForSinks().ok());
    }
    if (checkpointer.ok()) checkpointer->reset();
    if (life == 0 && operations != nullptr) *operations = files.operations();
    if (life < 2 && power_failure) files.LoseUnsynced();
    // Records that nobody signed may be lost with a crash, and others come in their place.
    log.Append(1, absl::StrCat("unsigned ", life));
  }
  CHECK_FALSE(too_early);
  uint64_t last = 0;
  for (const SignedCheckpoint& checkpoint : sink->published()) {
    const Checkpoint& body = checkpoint.checkpoint;
    if (body.size < last) FAIL_CHECK("sizes fell from " << last << " to " << body.size);
    last = body.size;
    if (body.root != log.Root(body.size)) FAIL_CHECK("two trees of size " << body.size);
  }
  const uint64_t signed_size = LoadTreeState(store.layout, store.keys).value()->range.end();
  CHECK(signed_size == log.size() - 1);
  CHECK(store.Leaves() == std::vector<Hash>(log.leaves().begin(), log.leaves().end() - 1));
}

TEST_CASE("wherever a crash comes, no two trees of one size are published, and nothing is before it is on disk") {
  using Effect = CrashingFileSystem::Effect;
  int operations = 0;
  LiveAndDie(1 << 30, Effect::kNone, false, &operations);
  REQUIRE(operations > 20);
  for (const Effect effect : {Effect::kNone, Effect::kHalf, Effect::kAll}) {
    for (const bool power_failure : {false, true}) {
      for (int fail_at = 0; fail_at < operations; ++fail_at) {
        INFO("operation " << fail_at << ", effect " << static_cast<int>(effect) << ", power " << power_failure);
        LiveAndDie(fail_at, effect, power_failure, nullptr);
      }
    }
  }
}

TEST_CASE("a disk that fails once is tried again, and then everything is there") {
  using Effect = CrashingFileSystem::Effect;
  int operations = 1;
  for (int fail_at = -1; fail_at < operations; ++fail_at) {
    for (const Effect effect : {Effect::kNone, Effect::kHalf, Effect::kAll}) {
      INFO("operation " << fail_at);
      Store store;
      FakeLog log;
      auto sink = std::make_shared<RecordingSink>();
      Checkpointer::Options options = OnlyOnFlush();
      options.sinks = {sink};
      CrashingFileSystem files;
      auto checkpointer = store.Start(log, options, files);
      REQUIRE(checkpointer.ok());
      const int begin = files.operations();
      if (fail_at >= 0) files.FailAt(begin + fail_at, effect, CrashingFileSystem::Then::kWorkAgain);
      int failures = 0;
      for (int step = 0; step < 3; ++step) {
        Grow(log, **checkpointer, 2, "a");
        if ((*checkpointer)->Flush().ok()) continue;
        ++failures;
        CHECK_FALSE((*checkpointer)->Health().ok());
      }
      // At most the temporary file to remove is missed without a word.
      CHECK(failures <= 1);
      CHECK((*checkpointer)->Flush().ok());
      CHECK((*checkpointer)->Health().ok());
      CHECK(LoadTreeState(store.layout, store.keys).value()->range.end() == log.size());
      CHECK(store.Leaves() == log.leaves());
      CHECK((*checkpointer)->WaitForSinks().ok());
      CHECK(sink->published().back().checkpoint.size == log.size());
      if (fail_at < 0) operations = files.operations() - begin;
    }
  }
  CHECK(operations > 20);
}

TEST_CASE("while the disk fails, what waits is bounded") {
  Store store;
  FakeLog log;
  CrashingFileSystem files;
  Checkpointer::Options options = OnlyOnFlush();
  options.most_waiting = 10;
  auto checkpointer = store.Start(log, options, files);
  REQUIRE(checkpointer.ok());
  files.FailAt(files.operations(), CrashingFileSystem::Effect::kNone, CrashingFileSystem::Then::kFailAll);
  Grow(log, **checkpointer, 9, "a");
  Grow(log, **checkpointer, 5, "a");
  CHECK_FALSE((*checkpointer)->Flush().ok());
  CHECK_FALSE(absl::IsResourceExhausted((*checkpointer)->Health()));
  Grow(log, **checkpointer, 1, "a");
  CHECK(absl::IsResourceExhausted((*checkpointer)->Health()));
  Grow(log, **checkpointer, 1, "a");
  CHECK(absl::IsResourceExhausted((*checkpointer)->Flush()));
  checkpointer->reset();
  // The next start has it all from the log.
  auto again = store.MustStart(log);
  CHECK(again->Flush().ok());
  CHECK(LoadTreeState(store.layout, store.keys).value()->range.end() == log.size());
}

TEST_CASE("leaves that do not lead to what was said, or to what was signed, are never signed") {
  Store store;
  FakeLog log;
  FakeLog other;
  other.Append(8, "other");
  {
    auto checkpointer = store.MustStart(log);
    Grow(log, *checkpointer, 5, "a");
    REQUIRE(checkpointer->Flush().ok());
    SECTION("not to the state") {
      log.Append(1, "a");
      checkpointer->Advance(other.From(7), log.State());
      CHECK(absl::IsInternal(checkpointer->Flush()));
      log.Append(1, "a");
      checkpointer->Advance(log.From(6), log.State());
      CHECK(absl::IsInternal(checkpointer->Flush()));
      CHECK(checkpointer->stats().size == 5);
    }
  }
  SECTION("not to what was signed, when they are handed over once more from the beginning") {
    auto checkpointer = Checkpointer::Start(store.layout, store.keys, RealFileSystem(), OnlyOnFlush(), TreeState());
    REQUIRE(checkpointer.ok());
    (*checkpointer)->Advance(other.leaves(), other.State());
    CHECK(absl::IsDataLoss((*checkpointer)->Flush()));
    CHECK(LoadTreeState(store.layout, store.keys).value()->range.nodes() == log.State(5).range.nodes());
  }
  SECTION("the same leaves from the beginning are written again, and signed from where they are new") {
    std::filesystem::remove(store.layout.Leaves());
    CHECK(absl::IsDataLoss(store.Start(log, OnlyOnFlush()).status()));
    auto checkpointer = Checkpointer::Start(store.layout, store.keys, RealFileSystem(), OnlyOnFlush(), TreeState());
    REQUIRE(checkpointer.ok());
    (*checkpointer)->Advance(absl::MakeSpan(log.leaves()).first(3), log.State(3));
    CHECK((*checkpointer)->Flush().ok());
    CHECK((*checkpointer)->stats().checkpoints == 0);
    (*checkpointer)->Advance(log.From(3), log.State());
    CHECK((*checkpointer)->Flush().ok());
    CHECK((*checkpointer)->stats().checkpoints == 0);
    Grow(log, **checkpointer, 2, "a");
    CHECK((*checkpointer)->Flush().ok());
    CHECK((*checkpointer)->stats().size == 7);
    CHECK(store.Leaves() == log.leaves());
  }
  SECTION("a tree of the same size that is another") {
    CHECK(absl::IsDataLoss(
        Checkpointer::Start(store.layout, store.keys, RealFileSystem(), OnlyOnFlush(), other.State(5)).status()));
  }
}

TEST_CASE("leaves that are not known any more are said to be so, and the tree goes on behind them") {
  Store store;
  FakeLog log;
  log.Append(6, "a");
  auto checkpointer = Checkpointer::Start(store.layout, store.keys, RealFileSystem(), OnlyOnFlush(), log.State(4));
  REQUIRE(checkpointer.ok());
  (*checkpointer)->Advance(log.From(4), log.State());
  REQUIRE((*checkpointer)->Flush().ok());
  LeafFile leaves = LeafFile::Open(store.layout).value();
  std::vector<Hash> read(2);
  CHECK(leaves.Read(4, absl::MakeSpan(read)).ok());
  CHECK(read == log.From(4));
  CHECK(absl::IsDataLoss(leaves.Read(3, absl::MakeSpan(read))));
  CHECK(absl::IsOutOfRange(leaves.Read(5, absl::MakeSpan(read))));
  CHECK(absl::IsOutOfRange(leaves.Read(UINT64_MAX, absl::MakeSpan(read))));
}

TEST_CASE("no byte of the stored checkpoint can be changed, cut off or added") {
  Store store;
  FakeLog log;
  {
    auto checkpointer = store.MustStart(log);
    Grow(log, *checkpointer, 7, "a");
  }
  const std::string good = Contents(store.layout.Checkpoint());
  const auto accepts = [&](const std::string& bytes) {
    std::ofstream(store.layout.Checkpoint(), std::ios::binary) << bytes;
    absl::StatusOr<std::optional<TreeState>> state = LoadTreeState(store.layout, store.keys);
    return state.ok() || !absl::IsDataLoss(state.status());
  };
  REQUIRE(accepts(good));
  for (size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    for (const int bit : {0, 5, 7}) {
      changed[i] = static_cast<char>(good[i] ^ 1 << bit);
      if (accepts(changed)) FAIL_CHECK("byte " << i << " bit " << bit);
    }
    if (accepts(good.substr(0, i))) FAIL_CHECK("cut at " << i);
  }
  CHECK_FALSE(accepts(good + "\n"));
  CHECK_FALSE(accepts(good + good));
  std::ofstream(store.layout.Checkpoint(), std::ios::binary) << good;
  CHECK(absl::IsDataLoss(LoadTreeState(store.layout, FakeKeys('x')).status()));
}

TEST_CASE("the checkpoint of a store is taken out of its file by a line of sed") {
  Store store;
  FakeLog log;
  {
    auto checkpointer = store.MustStart(log);
    Grow(log, *checkpointer, 7, "a");
  }
  const std::string command =
      "sed '/^tree state/,$d' '" + store.layout.Checkpoint() + "' > '" + store.directory.path() + "/note'";
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(Contents(store.directory.path() + "/note") == ReadCheckpoint(store.layout).value());
}

TEST_CASE("FORMAT.md shows a stored checkpoint as it is written") {
  StoreId id = {};
  for (size_t i = 0; i < id.size(); ++i) id[i] = static_cast<char>(0xa0 + i);
  TreeState state;
  for (const char* leaf : {"a", "b", "c"}) state.range.Append(LeafHash(leaf));
  state.end = Position(1, 580);
  state.next_sequence = 3;
  const StoredCheckpoint stored = {
      *SignCheckpoint({CheckpointOrigin(id), 3, state.range.Root(), {}}, FakeKeys().signing_key()), state};
  INFO(stored.Format());
  CHECK(StoredCheckpoint::Parse(stored.Format()).ok());
  CHECK(Contents(SALLYPORT_SOURCE_DIRECTORY "/recorder/FORMAT.md").find("```\n" + stored.Format() + "```") !=
        std::string::npos);
}

}  // namespace sallyport::recorder
