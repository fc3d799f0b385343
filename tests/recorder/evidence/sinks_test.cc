#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "recorder/evidence/checkpoint_publisher.h"
#include "recorder/evidence/cosignatures.h"
#include "recorder/evidence/directory_sink.h"
#include "tests/recorder/evidence/checkpoint_fixture.h"
#include "tests/recorder/evidence/crashing_file_system.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

using testing::FakeKeys;
using testing::FakeLog;
using testing::RecordingSink;

std::string Contents(const std::string& path) { return ReadWholeFile(path, kMaxNoteSize).value_or("cannot be read"); }

SignedCheckpoint Sign(const FakeKeys& keys, uint64_t size, const std::string& tree = "tree") {
  return *SignCheckpoint({CheckpointOrigin(keys.store_id()), size, LeafHash(tree), {}}, keys.signing_key());
}

std::shared_ptr<const SignedCheckpoint> Shared(SignedCheckpoint checkpoint) {
  return std::make_shared<const SignedCheckpoint>(std::move(checkpoint));
}

class NoSource : public CheckpointSource {
 public:
  absl::StatusOr<std::vector<Hash>> ConsistencyProof(uint64_t, uint64_t) override {
    return absl::UnimplementedError("no proofs here");
  }
  absl::Status KeepCosignatures(const SignedCheckpoint&, absl::Span<const NoteSignature>) override {
    return absl::UnimplementedError("none are kept here");
  }
};

constexpr CheckpointPublisher::Pauses kShort = {absl::Milliseconds(1), absl::Milliseconds(2), absl::Seconds(60)};

// A line that looks like a witness's.
NoteSignature Line(const std::string& name, char byte) { return {name, 7, std::string(72, byte)}; }

size_t SignaturesIn(const std::string& path) { return SignedNote::Parse(Contents(path)).value().signatures.size(); }

uint64_t SizeIn(const std::string& path) {
  return Checkpoint::Parse(SignedNote::Parse(Contents(path)).value().text).value().size;
}

}  // namespace

TEST_CASE("what a sink refuses is offered again, and what is newest then") {
  FakeKeys keys;
  NoSource source;
  auto sink = std::make_shared<RecordingSink>();
  CheckpointPublisher publisher(sink, source, kShort);
  sink->Fail(3);
  CHECK_FALSE(publisher.stats().published_at.has_value());
  publisher.Offer(Shared(Sign(keys, 1)));
  sink->WaitForSize(1);
  CHECK(publisher.Wait().ok());
  CHECK(publisher.stats().published_at.value() <= std::chrono::steady_clock::now());
  sink->Fail(1);
  publisher.Offer(Shared(Sign(keys, 2)));
  publisher.Offer(Shared(Sign(keys, 3)));
  sink->WaitForSize(3);
  CHECK(publisher.Wait().ok());
  CHECK(publisher.stats().published_size == 3);
  CHECK(publisher.stats().behind == 0);
}

TEST_CASE("a slow sink holds up nobody, and gets the newest checkpoint when it is ready") {
  TemporaryDirectory directory;
  std::filesystem::create_directory(directory.store());
  FakeKeys keys;
  FakeLog log;
  auto slow = std::make_shared<RecordingSink>();
  auto quick = std::make_shared<RecordingSink>();
  slow->Hold(true);
  Checkpointer::Options options = testing::OnlyOnFlush();
  options.sinks = {slow, quick};
  auto checkpointer = Checkpointer::Start(StoreLayout(directory.store()), keys, RealFileSystem(), options, TreeState());
  REQUIRE(checkpointer.ok());
  for (int i = 0; i < 5; ++i) {
    log.Append(1, "a");
    (*checkpointer)->Advance(log.From(log.size() - 1), log.State());
    CHECK((*checkpointer)->Flush().ok());
    quick->WaitForSize(log.size());
    if (i == 0) slow->WaitForAttempts(1);
  }
  CHECK((*checkpointer)->stats().sinks.at(0).behind == 5);
  slow->Hold(false);
  slow->WaitForSize(5);
  CHECK(slow->published().size() == 2);
  CHECK(quick->published().size() == 5);
}

TEST_CASE("a sink that is stuck is cancelled when the store closes") {
  TemporaryDirectory directory;
  std::filesystem::create_directory(directory.store());
  FakeKeys keys;
  FakeLog log;
  auto stuck = std::make_shared<RecordingSink>();
  stuck->Hold(true);
  Checkpointer::Options options = testing::OnlyOnFlush();
  options.sinks = {stuck};
  options.pauses.farewell = absl::Milliseconds(1);
  auto checkpointer = Checkpointer::Start(StoreLayout(directory.store()), keys, RealFileSystem(), options, TreeState());
  log.Append(1, "a");
  (*checkpointer)->Advance(log.leaves(), log.State());
  CHECK((*checkpointer)->Flush().ok());
  stuck->WaitForAttempts(1);
  checkpointer->reset();
}

TEST_CASE("a sink can prove that each checkpoint extends the one before, also over a restart") {
  TemporaryDirectory directory;
  std::filesystem::create_directory(directory.store());
  const StoreLayout layout(directory.store());
  FakeKeys keys;
  FakeLog log;
  auto sink = std::make_shared<RecordingSink>();
  sink->AskForProofs();
  for (int life = 0; life < 3; ++life) {
    Checkpointer::Options options = testing::OnlyOnFlush();
    options.sinks = {sink};
    auto checkpointer = Checkpointer::Start(layout, keys, RealFileSystem(), options,
                                            LoadTreeState(layout, keys).value().value_or(TreeState()));
    REQUIRE(checkpointer.ok());
    for (size_t count : {1, 3, 1024, 2000}) {
      log.Append(count, "a");
      (*checkpointer)->Advance(log.From(log.size() - count), log.State());
      CHECK((*checkpointer)->Flush().ok());
      CHECK((*checkpointer)->WaitForSinks().ok());
    }
  }
  CHECK(sink->published().size() >= 12);
}

TEST_CASE("the directory has each checkpoint under its size, and the latest") {
  TemporaryDirectory temporary;
  FakeKeys keys;
  NoSource source;
  const std::string directory = temporary.path() + "/checkpoints";
  DirectorySink sink(directory, RealFileSystem());
  const std::string stem = directory + "/sallyport_5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a-";
  for (uint64_t size : {1, 1, 200}) REQUIRE(sink.Publish(Sign(keys, size), source).ok());
  CHECK(Contents(stem + "00000000000000000001.checkpoint") == Sign(keys, 1).note);
  CHECK(Contents(stem + "00000000000000000200.checkpoint") == Sign(keys, 200).note);
  CHECK(Contents(stem + "latest.checkpoint") == Sign(keys, 200).note);
  CHECK(std::distance(std::filesystem::directory_iterator(directory), {}) == 3);

  // A store that was rolled back, and one that has another past.
  CHECK(absl::IsDataLoss(sink.Publish(Sign(keys, 199), source)));
  CHECK(absl::IsDataLoss(sink.Publish(Sign(keys, 200, "other tree"), source)));
  CHECK(Contents(stem + "latest.checkpoint") == Sign(keys, 200).note);
  std::ofstream(stem + "latest.checkpoint") << "rubbish";
  CHECK(absl::IsDataLoss(sink.Publish(Sign(keys, 300), source)));
}

TEST_CASE("a directory that fails leaves whole files only") {
  using testing::CrashingFileSystem;
  FakeKeys keys;
  NoSource source;
  int operations = 1;
  for (int fail_at = -1; fail_at < operations; ++fail_at) {
    TemporaryDirectory temporary;
    CrashingFileSystem files;
    DirectorySink sink(temporary.path() + "/checkpoints", files);
    REQUIRE(sink.Publish(Sign(keys, 1), source).ok());
    const int begin = files.operations();
    if (fail_at >= 0) {
      files.FailAt(begin + fail_at, CrashingFileSystem::Effect::kHalf, CrashingFileSystem::Then::kFailAll);
    }
    CHECK(sink.Publish(Sign(keys, 2), source).ok() == (fail_at < 0));
    if (fail_at < 0) operations = files.operations() - begin;
    files.LoseUnsynced();
    for (const auto& entry : std::filesystem::directory_iterator(temporary.path() + "/checkpoints")) {
      if (entry.path().extension() == ".checkpoint")
        CHECK(OpenCheckpoint(Contents(entry.path()), {keys.verifier()}).ok());
    }
  }
}

TEST_CASE("the checkpoint with the most cosignatures is kept, and of those the newest") {
  TemporaryDirectory temporary;
  const StoreLayout layout(temporary.path());
  std::filesystem::create_directory(layout.TreeDirectory());
  FakeKeys keys;
  {
    Cosignatures cosignatures(layout, RealFileSystem(), keys.verifier());
    REQUIRE(cosignatures.Keep(Sign(keys, 10), {Line("w1", 'a')}).ok());
    REQUIRE(cosignatures.Keep(Sign(keys, 10), {Line("w2", 'b')}).ok());
    CHECK(SignaturesIn(layout.Cosigned()) == 3);
    // The other witness has yet to answer.
    REQUIRE(cosignatures.Keep(Sign(keys, 11), {Line("w1", 'c')}).ok());
    CHECK(SizeIn(layout.Cosigned()) == 10);
  }
  // After a restart it goes on from what was kept.
  Cosignatures cosignatures(layout, RealFileSystem(), keys.verifier());
  REQUIRE(cosignatures.Keep(Sign(keys, 12), {Line("w1", 'c')}).ok());
  CHECK(SizeIn(layout.Cosigned()) == 10);
  REQUIRE(cosignatures.Keep(Sign(keys, 12), {Line("w2", 'c')}).ok());
  CHECK(SizeIn(layout.Cosigned()) == 12);
  // The second falls silent.
  for (uint64_t size = 13; size < 13 + Cosignatures::kRecent; ++size) {
    REQUIRE(cosignatures.Keep(Sign(keys, size), {Line("w1", 'd')}).ok());
  }
  CHECK(SizeIn(layout.Cosigned()) == 12 + Cosignatures::kRecent);
  CHECK(OpenCheckpoint(Contents(layout.Cosigned()), {keys.verifier()}).ok());

  // What is not the store's own is not taken over.
  FakeKeys other('x');
  Cosignatures stranger(layout, RealFileSystem(), other.verifier());
  REQUIRE(stranger.Keep(Sign(other, 1), {Line("w1", 'a')}).ok());
  CHECK(SizeIn(layout.Cosigned()) == 1);
}

}  // namespace sallyport::recorder
