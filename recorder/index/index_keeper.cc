#include "recorder/index/index_keeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "recorder/index/catch_up.h"
#include "recorder/index/index_feeder.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {
namespace {

using std::chrono::milliseconds;

// The thread sleeps so long after the first block of several came, so that it is woken once for all of them.
constexpr auto kGather = milliseconds(5);
// The index is saved when nothing came for a moment, and at latest after some moments.
constexpr auto kIdle = milliseconds(10);
constexpr auto kLag = milliseconds(100);
// Under load more calls are saved at once, which costs less each.
constexpr int kManyRows = 2000;
constexpr auto kLagOfMany = milliseconds(1000);
constexpr auto kPositionsLag = milliseconds(5000);

}  // namespace

IndexKeeper::IndexKeeper(const LogPlace& place, StoreKeys& keys, IndexEngine& engine, std::unique_ptr<CallIndex> index,
                         const Options& options)
    : place_(place),
      keys_(keys),
      engine_(engine),
      options_(options),
      taken_to_(index->position()),
      index_(std::move(index)),
      positions_saved_(Clock::now()) {
  thread_ = std::thread([this] { Loop(); });
}

IndexKeeper::~IndexKeeper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void IndexKeeper::Take(const WrittenBlock& block) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    taken_to_ = block.end;
    // What is not kept is read from the log when it is needed.
    if (!kept_ || dropped_) return;
    Waiting waiting{block.position, block.end, block.next_sequence, {}, {}};
    const size_t size = block.body.size() + block.directory.size() * sizeof(DirectoryEntry);
    if (waiting_ + size > options_.most_waiting) {
      dropped_ = true;
    } else {
      waiting.directory.assign(block.directory.begin(), block.directory.end());
      waiting.body = std::string(block.body);
      waiting_ += size;
      queue_.push_back(std::move(waiting));
    }
    wake = std::exchange(asleep_, false);
  }
  if (wake) wake_.notify_one();
}

void IndexKeeper::Order(const std::function<void()>& order) {
  std::unique_lock lock(mutex_);
  orders_.push_back(&order);
  const uint64_t ticket = ++ordered_;
  asleep_ = false;
  wake_.notify_one();
  done_.wait(lock, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return carried_out_ >= ticket; });
}

void IndexKeeper::Flush() {
  Order([this] {
    if (index_ == nullptr) return;
    if (absl::Status status = Save(CallIndex::Extent::kPositions); !status.ok()) Fail(status);
  });
}

absl::Status IndexKeeper::WithIndex(absl::FunctionRef<absl::Status(CallIndex&)> action) {
  absl::Status status = absl::UnavailableError("the index is not kept up");
  Order([&] {
    if (index_ == nullptr) return;
    status = action(*index_);
    if (!status.ok()) Fail(status);
  });
  return status;
}

void IndexKeeper::Recover() {
  Order([this] {
    if (index_ == nullptr) return Reopen();
    if (absl::Status status = Scrub(); !status.ok()) Fail(status);
  });
}

absl::Status IndexKeeper::Health() const {
  std::lock_guard lock(mutex_);
  return health_;
}

IndexKeeper::Clock::time_point IndexKeeper::SaveDue() const {
  if (index_ == nullptr || !index_->unsaved()) return Clock::time_point::max();
  const auto lag = index_->unsaved_rows() >= kManyRows ? kLagOfMany : kLag;
  return std::min(last_applied_ + kIdle, unsaved_since_ + lag);
}

void IndexKeeper::WaitForWork(std::unique_lock<std::mutex>& lock) {
  const auto must_go_on = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !orders_.empty(); };
  const Clock::time_point save_due = SaveDue();
  if (queue_.empty() && !dropped_ && !must_go_on()) {
    asleep_ = true;
    const auto woken = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !asleep_ || must_go_on(); };
    if (save_due == Clock::time_point::max()) {
      wake_.wait(lock, woken);
    } else {
      wake_.wait_until(lock, save_due, woken);
    }
    asleep_ = false;
  }
  if (queue_.empty() || must_go_on() || waiting_ >= options_.most_waiting / 4) return;
  // Nobody wakes it for what comes meanwhile.
  wake_.wait_for(lock, kGather, must_go_on);
}

void IndexKeeper::Loop() {
  std::vector<Waiting> blocks;
  std::vector<const std::function<void()>*> orders;
  bool stop = false;
  while (!stop) {
    bool dropped = false;
    Position until;
    {
      std::unique_lock lock(mutex_);
      WaitForWork(lock);
      blocks.swap(queue_);
      waiting_ = 0;
      dropped = std::exchange(dropped_, false);
      until = taken_to_;
      orders.swap(orders_);
      stop = stopping_;
    }
    absl::Status status = index_ == nullptr ? absl::OkStatus() : ApplyAll(blocks);
    if (status.ok() && index_ != nullptr && dropped) status = ReadFromLog(until);
    if (!status.ok()) Fail(status);
    blocks.clear();
    for (const std::function<void()>* order : orders) (*order)();
    if (!orders.empty()) {
      std::lock_guard lock(mutex_);
      carried_out_ += orders.size();
      orders.clear();
      done_.notify_all();
    }
    if (index_ == nullptr || (!stop && SaveDue() > Clock::now())) continue;
    status = Save(stop ? CallIndex::Extent::kPositions : CallIndex::Extent::kRows);
    if (!status.ok()) Fail(status);
  }
}

absl::Status IndexKeeper::ApplyAll(std::vector<Waiting>& blocks) {
  for (const Waiting& block : blocks) {
    // It was read from the log meanwhile.
    if (block.position < index_->position()) continue;
    const bool was_saved = !index_->unsaved();
    const absl::Status status =
        index_->Apply(block.position, block.end, block.next_sequence, block.directory, block.body);
    if (!status.ok()) return status;
    last_applied_ = Clock::now();
    if (was_saved) unsaved_since_ = last_applied_;
  }
  return absl::OkStatus();
}

absl::Status IndexKeeper::ReadFromLog(Position until) {
  const bool was_saved = !index_->unsaved();
  const absl::StatusOr<LogEnd> end = FeedIndex(
      place_, keys_, *index_, [](const Block&) { return absl::OkStatus(); }, until);
  last_applied_ = Clock::now();
  if (was_saved) unsaved_since_ = last_applied_;
  return end.status();
}

absl::Status IndexKeeper::Save(CallIndex::Extent extent) {
  const Clock::time_point now = Clock::now();
  if (now - positions_saved_ >= kPositionsLag) extent = CallIndex::Extent::kPositions;
  if (extent == CallIndex::Extent::kPositions) positions_saved_ = now;
  const absl::Status status = index_->Save(extent);
  return status.ok() ? index_->Maintain() : status;
}

void IndexKeeper::Fail(const absl::Status& status) {
  GiveUp(status);
  spdlog::error(
      "the index is not kept up any more; calls go on being recorded, and it is tried again in a moment{}: {}",
      make_again_ ? ", made anew from the log" : "", status.ToString());
}

void IndexKeeper::GiveUp(const absl::Status& status) {
  index_.reset();
  make_again_ = make_again_ || absl::IsDataLoss(status);
  next_retry_ = Clock::now() + options_.retry;
  std::lock_guard lock(mutex_);
  health_ = status;
  kept_ = false;
  queue_.clear();
  waiting_ = 0;
  dropped_ = false;
}

void IndexKeeper::Reopen() {
  if (Clock::now() < next_retry_) return;
  next_retry_ = Clock::now() + options_.retry;
  const absl::StatusOr<std::unique_ptr<FileLock>> lock =
      FileLock::Take(place_.layout().IndexLock(), FileLock::Wait::kNo);
  if (!lock.ok()) return;  // a reader is opening it
  if (make_again_ && !engine_.Remove().ok()) return;
  make_again_ = false;
  Position until;
  {
    // What comes from now on waits in memory.
    std::lock_guard guard(mutex_);
    until = taken_to_;
    kept_ = true;
  }
  absl::StatusOr<CaughtUpIndex> caught_up = CatchUpIndex(place_, keys_, engine_, until);
  if (!caught_up.ok()) return GiveUp(caught_up.status());
  index_ = std::move(caught_up->index);
  last_applied_ = unsaved_since_ = Clock::now();
  spdlog::info("the index is kept up again");
  std::lock_guard guard(mutex_);
  health_ = absl::OkStatus();
}

absl::Status IndexKeeper::Scrub() {
  const absl::StatusOr<std::vector<uint64_t>> unscrubbed = UnscrubbedSegments(place_, *index_);
  if (!unscrubbed.ok()) return unscrubbed.status();
  for (uint64_t segment : *unscrubbed) {
    if (absl::Status status = ScrubSegment(place_, keys_, *index_, segment); !status.ok()) return status;
    spdlog::info("segment {} was shredded: its calls are taken out of the index", segment);
  }
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
