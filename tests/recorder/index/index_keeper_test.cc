// An index is kept up with the log without holding it up, whatever becomes of the index.
#include "recorder/index/index_keeper.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

#include "recorder/index/catch_up.h"
#include "recorder/index/index_feeder.h"
#include "recorder/index/sqlite/sqlite_engine.h"
#include "tests/recorder/index/index_contract.h"
#include "tests/recorder/index/log_model.h"
#include "tests/recorder/log_fixture.h"

namespace sallyport::recorder {
namespace {

// What tests do to an index.
class Tampering {
 public:
  // Before each block: waits while it is held, and fails if it is to.
  absl::Status BeforeApply() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !held_; });
    return std::exchange(failure_, absl::OkStatus());
  }
  void Hold() {
    std::lock_guard lock(mutex_);
    held_ = true;
  }
  void AwaitApply() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::minutes(2), [&] { return waiting_ > 0; }));
  }
  void Release() {
    std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  // The next block cannot be applied.
  void Fail(absl::Status status) {
    std::lock_guard lock(mutex_);
    failure_ = std::move(status);
  }

  std::atomic<int> removed = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  int waiting_ = 0;
  absl::Status failure_;
};

class TamperedIndex : public CallIndex {
 public:
  TamperedIndex(std::unique_ptr<CallIndex> index, Tampering& tampering)
      : index_(std::move(index)), tampering_(tampering) {}

  absl::Status Apply(Position position, Position end, uint64_t next_sequence,
                     absl::Span<const DirectoryEntry> directory, std::string_view body) override {
    const absl::Status status = tampering_.BeforeApply();
    return status.ok() ? index_->Apply(position, end, next_sequence, directory, body) : status;
  }
  absl::Status ApplyShredded(Position position, Position end, uint64_t next_sequence,
                             absl::Span<const DirectoryEntry> directory) override {
    return index_->ApplyShredded(position, end, next_sequence, directory);
  }
  void ApplyDeleted(uint64_t first, uint64_t last) override { index_->ApplyDeleted(first, last); }
  absl::Status NoteDamage() override { return index_->NoteDamage(); }
  void ApplyDirectory(Position position, absl::Span<const DirectoryEntry> directory) override {
    index_->ApplyDirectory(position, directory);
  }
  absl::Status ScrubBlock(Position position, absl::Span<const DirectoryEntry> directory) override {
    return index_->ScrubBlock(position, directory);
  }
  absl::Status FinishScrub(uint64_t segment) override { return index_->FinishScrub(segment); }
  absl::StatusOr<bool> IsScrubbed(uint64_t segment) override { return index_->IsScrubbed(segment); }
  absl::Status ForgetBlock(Position position, absl::Span<const DirectoryEntry> directory,
                           absl::FunctionRef<bool(uint64_t segment)> is_deleted) override {
    return index_->ForgetBlock(position, directory, is_deleted);
  }
  absl::Status ForgetScrub(uint64_t segment) override { return index_->ForgetScrub(segment); }
  absl::Status FinishForget() override { return index_->FinishForget(); }
  absl::Status Save(Extent extent) override { return index_->Save(extent); }
  bool unsaved() const override { return index_->unsaved(); }
  int unsaved_rows() const override { return index_->unsaved_rows(); }
  absl::Status Maintain() override { return index_->Maintain(); }
  Position position() const override { return index_->position(); }
  Position positions_exact_to() const override { return index_->positions_exact_to(); }
  uint64_t next_sequence() const override { return index_->next_sequence(); }
  absl::flat_hash_map<uint64_t, Position> OpenCalls() const override { return index_->OpenCalls(); }
  absl::StatusOr<uint64_t> LargestId() override { return index_->LargestId(); }
  absl::StatusOr<uint64_t> CountCalls() override { return index_->CountCalls(); }
  uint64_t calls_started() const override { return index_->calls_started(); }

 private:
  const std::unique_ptr<CallIndex> index_;
  Tampering& tampering_;
};

class TamperedEngine : public IndexEngine {
 public:
  TamperedEngine(std::unique_ptr<IndexEngine> engine, Tampering& tampering)
      : engine_(std::move(engine)), tampering_(tampering) {}

  absl::StatusOr<std::unique_ptr<CallIndex>> Open() override {
    absl::StatusOr<std::unique_ptr<CallIndex>> index = engine_->Open();
    if (!index.ok()) return index;
    return std::make_unique<TamperedIndex>(*std::move(index), tampering_);
  }
  absl::Status Remove() override {
    ++tampering_.removed;
    return engine_->Remove();
  }
  absl::StatusOr<std::unique_ptr<CallIndex>> BeginRebuild() override { return engine_->BeginRebuild(); }
  absl::Status FinishRebuild(std::unique_ptr<CallIndex> rebuilt) override {
    return engine_->FinishRebuild(std::move(rebuilt));
  }
  absl::StatusOr<std::unique_ptr<CallSearch>> OpenSearch(Access access) override { return engine_->OpenSearch(access); }

 private:
  const std::unique_ptr<IndexEngine> engine_;
  Tampering& tampering_;
};

// A log that is written while its index is kept up.
class KeptLog {
 public:
  explicit KeptLog(const IndexKeeper::Options& options)
      : log_(directory_.store(), 20'000), engine(SqliteEngine(log_.layout, NameSealer::Of(log_.keys)), tampering) {
    REQUIRE(RealFileSystem().EnsureDirectory(log_.layout.IndexDirectory()).ok());
    auto caught_up = CatchUpIndex(log_.layout, log_.keys, engine);
    REQUIRE(caught_up.ok());
    keeper = std::make_unique<IndexKeeper>(log_.layout, log_.keys, engine, std::move(caught_up->index), options);
  }

  // Writes a block with a call that ends and a part of one that stays open for a while.
  void Write() {
    const uint64_t id = ++last_id_;
    EntryBatch batch(id, nullptr);
    batch.AddStart(absl::FromUnixSeconds(1'700'000'000 + static_cast<int64_t>(id)), StartOf("/a.B/C"));
    CallEnd end;
    end.status_code = static_cast<int>(id % 5);
    const bool ends = id % 3 != 0;
    if (ends) batch.AddEnd(absl::FromUnixSeconds(1'700'000'001 + static_cast<int64_t>(id)), end);
    const std::vector<CallEntries> group = {{id, batch.bytes(), static_cast<uint32_t>(batch.entries()), ends}};
    auto block = log_.writer->Append(group, absl::UnixEpoch());
    REQUIRE(block.ok());
    keeper->Take(*block);
  }
  void Write(int blocks) {
    for (int i = 0; i < blocks; ++i) Write();
  }
  // The index knows all of the log, and says of it what one says that is made from it.
  void CheckComplete() {
    keeper->Flush();
    CHECK(keeper->Health().ok());
    keeper.reset();
    const std::string live = DumpSearch(engine);
    auto rebuilt = engine.BeginRebuild();
    REQUIRE(rebuilt.ok());
    REQUIRE(FeedIndex(log_.layout, log_.keys, **rebuilt, [](const Block&) { return absl::OkStatus(); }).ok());
    REQUIRE((*rebuilt)->Save(CallIndex::Extent::kPositions).ok());
    CHECK(*(*rebuilt)->CountCalls() == last_id_);
    REQUIRE(engine.FinishRebuild(*std::move(rebuilt)).ok());
    CHECK(FirstDifference(live, DumpSearch(engine)) == "");
  }

 private:
  TemporaryDirectory directory_;
  Log log_;
  uint64_t last_id_ = 0;

 public:
  Tampering tampering;
  TamperedEngine engine;
  std::unique_ptr<IndexKeeper> keeper;
};

TEST_CASE("blocks that are handed over are in the index once it is flushed") {
  KeptLog kept{IndexKeeper::Options()};
  kept.Write(200);
  kept.CheckComplete();
}

TEST_CASE("an index that does not come on holds up nobody, and takes in later what came meanwhile") {
  for (const size_t most_waiting : {size_t{32} << 20, size_t{2000}, size_t{1}}) {
    INFO("at most " << most_waiting << " bytes wait");
    IndexKeeper::Options options;
    options.most_waiting = most_waiting;
    KeptLog kept(options);
    kept.tampering.Hold();
    kept.Write();
    // Where the first block does not fit it is read from the log, and held there.
    kept.tampering.AwaitApply();
    // Over several segments; returns although nothing is applied.
    kept.Write(300);
    kept.tampering.Release();
    kept.Write(10);
    kept.CheckComplete();
  }
}

TEST_CASE("an index that fails is opened again, and one that is damaged is made again from the log") {
  for (const bool damaged : {false, true}) {
    INFO((damaged ? "damaged" : "failed"));
    IndexKeeper::Options options;
    options.retry = std::chrono::milliseconds(0);
    KeptLog kept(options);
    kept.Write(50);
    kept.keeper->Flush();
    kept.tampering.Fail(damaged ? absl::DataLossError("a page is not what it was")
                                : absl::ResourceExhaustedError("the disk is full"));
    kept.Write();
    kept.keeper->Flush();
    CHECK_FALSE(kept.keeper->Health().ok());
    CHECK(absl::IsUnavailable(kept.keeper->WithIndex([](CallIndex&) { return absl::OkStatus(); })));
    // Nobody keeps these.
    kept.Write(50);
    kept.keeper->Recover();
    CHECK(kept.keeper->Health().ok());
    CHECK(kept.tampering.removed == (damaged ? 1 : 0));
    kept.Write(50);
    kept.CheckComplete();
  }
}

TEST_CASE("what is done to the index is done to all that was handed over before") {
  KeptLog kept{IndexKeeper::Options()};
  kept.Write(100);
  uint64_t calls = 0;
  const absl::Status status = kept.keeper->WithIndex([&](CallIndex& index) {
    calls = index.calls_started();
    return absl::OkStatus();
  });
  CHECK(status.ok());
  CHECK(calls == 100);
  kept.CheckComplete();
}

}  // namespace
}  // namespace sallyport::recorder
