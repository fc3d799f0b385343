#include "recorder/write/log_recorder.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/index/catch_up.h"
#include "recorder/index/index_feeder.h"
#include "recorder/log/deleted_segments.h"
#include "recorder/log/descriptor_archive.h"
#include "recorder/write/interrupted_calls.h"
#include "recorder/write/legal_holds.h"
#include "recorder/write/retention.h"

namespace sallyport::recorder {
namespace {

using std::chrono::milliseconds;

// Entries that nobody waits for are written after this long.
constexpr auto kLinger = milliseconds(10);
// While several wait for each sync, the next one comes this long after the last, so that more of them share it.
constexpr auto kGatherWindow = milliseconds(3);
constexpr int kSeveral = 4;
// So much is written without waiting for more, and is the size at which a block ends.
constexpr size_t kBlockBytes = 4 << 20;
// The index commits when nothing came for a moment, and at latest after some moments.
constexpr auto kIndexIdle = milliseconds(10);
constexpr auto kIndexLag = milliseconds(100);
// Under load it commits more calls at once, which costs less each.
constexpr int kManyRows = 2000;
constexpr auto kIndexLagOfMany = milliseconds(1000);
constexpr auto kHousekeeping = milliseconds(1000);
constexpr auto kIndexRetry = milliseconds(10000);
constexpr auto kDeletionPause = milliseconds(60000);
constexpr auto kIndexPositionsLag = milliseconds(5000);

}  // namespace

LogRecorder::LogRecorder(const RecorderOptions& options, FileSystem& files, RecoveredStore store)
    : options_(options),
      layout_(options.directory),
      owner_lock_(std::move(store.owner_lock)),
      files_(files),
      keys_(std::move(store.keys)),
      fingerprint_(std::move(store.fingerprint)),
      last_id_(store.largest_id),
      promises_(options.reserve_per_call, SpaceAhead(options) / 8),
      checkpointer_(std::move(store.checkpointer)),
      log_(std::move(store.log)),
      index_(std::move(store.index)),
      last_positions_commit_(Clock::now()),
      next_housekeeping_(Clock::now()) {
  stats_.damages = store.damages;
  promises_.SetLeft(log_->space_left());
  writer_ = std::thread([this] { Run(); });
}

LogRecorder::~LogRecorder() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_writer_.notify_one();
  writer_.join();
}

uint64_t LogRecorder::NewCallId(absl::Time now) {
  const auto now_us = static_cast<uint64_t>(std::max<int64_t>(absl::ToUnixMicros(now), 1));
  uint64_t last = last_id_.load(std::memory_order_relaxed);
  uint64_t id = 0;
  do {
    id = std::max(now_us, last + 1);
  } while (!last_id_.compare_exchange_weak(last, id, std::memory_order_relaxed));
  return id;
}

Appended LogRecorder::Append(EntryBatch batch, Until until, AppendWaiter* waiter) {
  assert(waiter != nullptr || until == Until::kAccepted);
  const bool durable = until == Until::kDurable;
  const size_t size = batch.bytes().size();
  if (size > kMaxEntriesSize) return Appended::kFailed;
  const int starts = batch.starts();
  const int ends = batch.ends();
  Item item{batch.call_id(), {}, static_cast<uint32_t>(batch.entries()), ends > 0, durable ? waiter : nullptr, {}};
  item.space = {MostStoredSize(size, options_.smallest_part), starts, ends};
  item.bytes = std::move(batch).TakeBytes();

  bool wake = false;
  bool waits = durable;
  {
    std::lock_guard lock(mutex_);
    if (!health_.ok()) return Appended::kFailed;
    item.promised = PromiseAtOnce(item.space, waiter);
    if (!item.promised && disk_full_) {
      stats_.calls_refused += starts > 0 ? 1 : 0;
      return Appended::kNoSpace;
    }
    if (!item.promised && waiter != nullptr) {
      promises_.Wait(item.space);
      if (!durable) item.space_waiter = waiter;
    } else if (!item.promised) {
      // Nobody could be told. The writer takes the space for it first.
      promises_.Promise(item.space);
      item.promised = true;
    }
    if (queue_.empty()) oldest_ = Clock::now();
    const bool full = waiting_bytes_ >= options_.buffer_bytes;
    waiting_bytes_ += size;
    queue_bytes_ += size;
    active_calls_ += starts - ends;
    if (durable) {
      ++durable_waiting_;
      if (ends == 0) ++active_waiting_;
    } else if (item.space_waiter != nullptr) {
      waits = true;
    } else if (full && waiter != nullptr) {
      room_waiters_.push_back(waiter);
      waits = true;
    }
    queue_.push_back(std::move(item));
    wake = WriteDue() < wake_at_;
    if (wake) wake_at_ = Clock::time_point::min();
  }
  if (wake) wake_writer_.notify_one();
  return waits ? Appended::kPending : Appended::kDone;
}

absl::Status LogRecorder::KeepDescriptors(std::string_view version, std::string_view file_descriptor_set,
                                          DescriptorOrigin origin) {
  std::lock_guard lock(keep_mutex_);
  DescriptorBounds bounds;
  if (origin == DescriptorOrigin::kReflected) bounds = {options_.descriptor_bytes, options_.descriptor_sets};
  const absl::Status status = recorder::KeepDescriptors(layout_, *keys_, files_, version, file_descriptor_set, bounds);
  if (!absl::IsResourceExhausted(status)) return status;
  std::lock_guard stats_lock(mutex_);
  if (stats_.descriptors_refused++ == 0) {
    spdlog::error("{}; what is reflected from now on is not kept, and this is not said again", status.ToString());
  }
  return status;
}

absl::Status LogRecorder::Flush() {
  std::unique_lock lock(mutex_);
  const uint64_t ticket = ++flush_requested_;
  wake_writer_.notify_one();
  flushed_.wait(lock, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return flush_done_ >= ticket; });
  return health_;
}

absl::Status LogRecorder::Health() const {
  std::lock_guard lock(mutex_);
  return health_;
}

RecorderStats LogRecorder::Stats() const {
  std::lock_guard lock(mutex_);
  RecorderStats stats = stats_;
  const Checkpointer::Stats checkpoints = checkpointer_->stats();
  stats.tree_size = checkpoints.size;
  stats.checkpoints = checkpoints.health;
  stats.bytes_waiting = waiting_bytes_;
  stats.calls_open = static_cast<uint64_t>(std::max<int64_t>(0, active_calls_));
  const Clock::time_point oldest = queue_.empty() ? writing_since_ : std::min(writing_since_, oldest_);
  if (oldest != Clock::time_point::max()) stats.sync_lag = absl::FromChrono(Clock::now() - oldest);
  return stats;
}

LogRecorder::Clock::time_point LogRecorder::WriteDue() const {
  if (queue_.empty()) return Clock::time_point::max();
  if (queue_bytes_ >= kBlockBytes || promises_.anyone_waits()) return Clock::time_point::min();
  if (durable_waiting_ == 0) return oldest_ + kLinger;
  // If every call that is going on waits for the sync, nobody else can join.
  return active_calls_ <= active_waiting_ ? Clock::time_point::min() : gather_until_;
}

LogRecorder::Clock::time_point LogRecorder::CommitDue() const {
  if (index_ == nullptr || !index_->uncommitted()) return Clock::time_point::max();
  const auto lag = index_->uncommitted_rows() >= kManyRows ? kIndexLagOfMany : kIndexLag;
  return std::min(last_fed_ + kIndexIdle, uncommitted_since_ + lag);
}

void LogRecorder::WaitForWork(std::unique_lock<std::mutex>& lock) {
  while (!stopping_ && !FlushIsWanted()) {
    const Clock::time_point due = std::min({WriteDue(), CommitDue(), next_housekeeping_});
    if (due <= Clock::now()) return;
    wake_at_ = due;
    if (due == Clock::time_point::max()) {
      wake_writer_.wait(lock);
    } else {
      wake_writer_.wait_until(lock, due);
    }
    wake_at_ = Clock::time_point::min();
  }
}

void LogRecorder::Run() {
  std::vector<Item> items;
  bool stop = false;
  while (!stop) {
    uint64_t flush = 0;
    bool everything = false;
    {
      std::unique_lock lock(mutex_);
      WaitForWork(lock);
      items.swap(queue_);
      queue_bytes_ = 0;
      durable_waiting_ = 0;
      active_waiting_ = 0;
      if (!items.empty()) writing_since_ = oldest_;
      flush = flush_requested_;
      stop = stopping_;
      everything = stop || FlushIsWanted();
    }
    if (Clock::now() >= next_housekeeping_) {
      if (absl::Status status = KeepHouse(); !status.ok()) Fail(status, {});
      std::lock_guard lock(mutex_);
      ++stats_.housekeepings;
      next_housekeeping_ = Clock::now() + kHousekeeping;
    }
    if (!items.empty()) {
      absl::Status status = PromiseSpace(items);
      if (status.ok()) status = WriteItems(absl::MakeSpan(items));
      if (!status.ok()) Fail(status, absl::MakeSpan(items));
      items.clear();
    }
    if (stop) {
      if (absl::Status status = CloseLog(); !status.ok()) Fail(status, {});
    }
    if (everything || CommitDue() <= Clock::now()) {
      CommitIndex(everything ? Index::Extent::kPositions : Index::Extent::kRows);
    }
    {
      std::lock_guard lock(mutex_);
      flush_done_ = flush;
    }
    if (everything) flushed_.notify_all();
  }
}

bool LogRecorder::PromiseAtOnce(const SpacePromises::Batch& batch, const AppendWaiter* waiter) {
  if (waiter == nullptr) return promises_.TryPromise(batch, SpacePromises::Slack::kUse);
  // Those that wait are not overtaken.
  if (promises_.anyone_waits() && !promises_.IsKeptFor(batch)) return false;
  return promises_.TryPromise(batch, SpacePromises::Slack::kLeave);
}

absl::Status LogRecorder::PromiseSpace(std::vector<Item>& items) {
  while (true) {
    {
      std::lock_guard lock(mutex_);
      if (!health_.ok()) return health_;
      const bool all = PromiseEach(items);
      if (all && !promises_.is_short()) return absl::OkStatus();
    }
    // Anew if meanwhile others were promised what was taken for these.
    if (absl::Status status = ReserveSpace(); !status.ok()) return status;
    std::lock_guard lock(mutex_);
    if (PromiseEach(items)) return absl::OkStatus();
    if (!disk_full_) continue;
    RefuseUnpromised(items);
    break;
  }
  notifier_.Tell(told_, absl::ResourceExhaustedError("the disk is full"));
  return absl::OkStatus();
}

bool LogRecorder::PromiseEach(std::vector<Item>& items) {
  for (Item& item : items) {
    if (item.promised) continue;
    promises_.StopWaiting(item.space);
    item.promised = promises_.TryPromise(item.space, SpacePromises::Slack::kLeave);
    if (!item.promised) {
      promises_.Wait(item.space);
      return false;
    }
    if (AppendWaiter* waiter = std::exchange(item.space_waiter, nullptr)) room_waiters_.push_back(waiter);
  }
  return true;
}

void LogRecorder::RefuseUnpromised(std::vector<Item>& items) {
  size_t kept = 0;
  for (Item& item : items) {
    if (item.promised) {
      if (&items[kept] != &item) items[kept] = std::move(item);
      ++kept;
      continue;
    }
    promises_.StopWaiting(item.space);
    waiting_bytes_ -= item.bytes.size();
    active_calls_ -= item.space.starts - item.space.ends;
    stats_.calls_refused += item.space.starts > 0 ? 1 : 0;
    told_.push_back(item.durable_waiter != nullptr ? item.durable_waiter : item.space_waiter);
  }
  items.erase(items.begin() + static_cast<ptrdiff_t>(kept), items.end());
}

absl::Status LogRecorder::WriteItems(absl::Span<Item> items) {
  while (!items.empty()) {
    size_t count = 0;
    size_t bytes = 0;
    while (count < items.size() && (count == 0 || bytes + items[count].bytes.size() <= kBlockBytes)) {
      bytes += items[count++].bytes.size();
    }
    if (absl::Status status = WriteBlock(items.first(count)); !status.ok()) return status;
    items.remove_prefix(count);
  }
  std::lock_guard lock(mutex_);
  writing_since_ = Clock::time_point::max();
  return absl::OkStatus();
}

absl::Status LogRecorder::WriteBlock(absl::Span<Item> items) {
  {
    std::lock_guard lock(mutex_);
    if (!health_.ok()) return health_;
  }
  group_.clear();
  for (const Item& item : items) {
    if (item.entries != 0) group_.push_back({item.call_id, item.bytes, item.entries, item.ends_call});
  }
  if (group_.empty()) {
    AfterBlock(items);
    return absl::OkStatus();
  }
  absl::StatusOr<WrittenBlock> block = log_->Append(group_, absl::Now());
  if (!block.ok()) return block.status();
  AfterBlock(items);
  AdvanceTree();
  FeedIndex(*block);
  return ReserveSpace();
}

// Tells whom the block concerns, before the index takes its time.
void LogRecorder::AfterBlock(absl::Span<Item> items) {
  size_t bytes = 0;
  uint64_t space = 0;
  uint64_t entries = 0;
  for (Item& item : items) {
    bytes += item.bytes.size();
    space += item.space.bytes;
    entries += item.entries;
    if (AppendWaiter* waiter = std::exchange(item.durable_waiter, nullptr)) told_.push_back(waiter);
  }
  const bool several = told_.size() >= kSeveral;
  {
    std::lock_guard lock(mutex_);
    waiting_bytes_ -= bytes;
    promises_.Written(space);
    promises_.SetLeft(log_->space_left());
    stats_.bytes_written = log_->bytes_written();
    stats_.entries_written += entries;
    stats_.blocks_written += entries != 0 ? 1 : 0;
    gather_until_ = several ? Clock::now() + kGatherWindow : Clock::time_point::min();
    if (waiting_bytes_ < options_.buffer_bytes) {
      told_.insert(told_.end(), room_waiters_.begin(), room_waiters_.end());
      room_waiters_.clear();
    }
  }
  notifier_.Tell(told_, absl::OkStatus());
}

void LogRecorder::AdvanceTree() {
  checkpointer_->Advance(log_->TakeLeaves(), {log_->tree(), log_->end(), log_->next_sequence()});
}

void LogRecorder::FeedIndex(const WrittenBlock& block) {
  if (index_ == nullptr) return;
  const bool was_committed = !index_->uncommitted();
  const absl::Status status =
      index_->Apply(block.position, block.end, block.next_sequence, block.directory, block.body);
  if (!status.ok()) return IndexFailed(status);
  last_fed_ = Clock::now();
  if (was_committed) uncommitted_since_ = last_fed_;
}

void LogRecorder::CommitIndex(Index::Extent extent) {
  if (index_ == nullptr) return;
  const Clock::time_point now = Clock::now();
  if (now - last_positions_commit_ >= kIndexPositionsLag) extent = Index::Extent::kPositions;
  if (extent == Index::Extent::kPositions) last_positions_commit_ = now;
  if (absl::Status status = index_->Commit(extent); !status.ok()) return IndexFailed(status);
  if (!index_->checkpoint_due()) return;
  if (absl::Status status = index_->Checkpoint(); !status.ok()) IndexFailed(status);
}

void LogRecorder::IndexFailed(const absl::Status& status) {
  index_.reset();
  spdlog::error("the index is not kept up any more; calls go on being recorded, and the next start catches up: {}",
                status.ToString());
  std::lock_guard lock(mutex_);
  stats_.index = status;
}

void LogRecorder::Fail(const absl::Status& status, absl::Span<Item> items) {
  std::vector<Item> rest;
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = health_.ok();
    if (first) health_ = status;
    rest.swap(queue_);
    told_.insert(told_.end(), room_waiters_.begin(), room_waiters_.end());
    room_waiters_.clear();
    queue_bytes_ = 0;
    waiting_bytes_ = 0;
    durable_waiting_ = 0;
    active_waiting_ = 0;
    writing_since_ = Clock::time_point::max();
  }
  if (first) {
    spdlog::error("the log cannot be written any more; calls are refused until the gateway is started again: {}",
                  status.ToString());
  }
  for (absl::Span<Item> failed : {items, absl::MakeSpan(rest)}) {
    for (Item& item : failed) {
      if (AppendWaiter* waiter = std::exchange(item.durable_waiter, nullptr)) told_.push_back(waiter);
      if (AppendWaiter* waiter = std::exchange(item.space_waiter, nullptr)) told_.push_back(waiter);
    }
  }
  // RESOURCE_EXHAUSTED would mean that it passes.
  notifier_.Tell(told_, absl::IsResourceExhausted(status) ? absl::InternalError(status.message()) : status);
}

absl::Status LogRecorder::KeepHouse() {
  if (!Health().ok()) return absl::OkStatus();
  if (absl::Status status = FollowRotation(); !status.ok()) return status;
  LookAfterIndex();
  if (Clock::now() >= next_deletion_) {
    next_deletion_ = Clock::now() + kDeletionPause;
    if (absl::Status status = DeleteOldSegments(); !status.ok()) return status;
  }
  return ReserveSpace();
}

absl::Status LogRecorder::FollowRotation() {
  absl::StatusOr<bool> rotated = keys_->WasRotated();
  absl::Status begun;
  if (rotated.ok() && *rotated) begun = log_->BeginNextSegment(absl::Now());
  ReportKeys(rotated.ok() ? log_->next_segment() : rotated.status());
  if (!rotated.ok() || !*rotated) return absl::OkStatus();
  // Without space for a segment, or a key, it is tried again the next time.
  if (absl::IsResourceExhausted(begun) || absl::IsUnavailable(begun)) return absl::OkStatus();
  if (!begun.ok()) return begun;
  AdvanceTree();
  spdlog::info("the key-encryption key was rotated: a new segment is begun");
  return absl::OkStatus();
}

void LogRecorder::ReportKeys(const absl::Status& status) {
  bool was_ok = false;
  {
    std::lock_guard lock(mutex_);
    was_ok = stats_.keys.ok();
    stats_.keys = status;
  }
  if (was_ok && !status.ok()) {
    spdlog::error(
        "no new segment can be begun, and what is recorded goes on being sealed with the key of the present one: {}",
        status.ToString());
  } else if (!was_ok && status.ok()) {
    spdlog::info("the key-encryption key is in reach again");
  }
}

void LogRecorder::LookAfterIndex() {
  if (index_ == nullptr) {
    if (Clock::now() < next_index_retry_) return;
    next_index_retry_ = Clock::now() + kIndexRetry;
    absl::StatusOr<std::unique_ptr<FileLock>> lock = FileLock::Take(layout_.IndexLock(), FileLock::Wait::kNo);
    if (!lock.ok()) return;  // a reader is opening it
    absl::StatusOr<CaughtUpIndex> caught_up = CatchUpIndex(layout_, *keys_);
    if (!caught_up.ok()) return;
    index_ = std::move(caught_up->index);
    spdlog::info("the index is kept up again");
    std::lock_guard guard(mutex_);
    stats_.index = absl::OkStatus();
    return;
  }
  absl::StatusOr<std::vector<uint64_t>> unscrubbed = UnscrubbedSegments(layout_, *index_);
  if (!unscrubbed.ok()) return IndexFailed(unscrubbed.status());
  for (uint64_t segment : *unscrubbed) {
    if (absl::Status status = ScrubSegment(layout_, *keys_, *index_, segment); !status.ok()) {
      return IndexFailed(status);
    }
    spdlog::info("segment {} was shredded: its calls are taken out of the index", segment);
  }
}

absl::Status LogRecorder::DeleteOldSegments() {
  const Retention& retention = options_.retention;
  if (!retention.age.has_value() && !retention.bytes.has_value()) return absl::OkStatus();
  // Without the index nobody knows what is held.
  if (index_ == nullptr) return absl::OkStatus();
  const auto due_beside = [&](const std::set<uint64_t>& held) {
    return FindDueSegments(layout_, *keys_, retention, log_->end().segment(), held, absl::Now());
  };
  // What is held takes a look through the whole index, which is only worth it if something would be deleted.
  const absl::StatusOr<DueSegments> at_most = due_beside({});
  if (at_most.ok() && at_most->segments.empty()) {
    ReportSize(at_most->exceeded_bytes);
    return absl::OkStatus();
  }
  // Who changes the holds, or shreds, has the lock: then it waits until the next time.
  const absl::StatusOr<std::unique_ptr<FileLock>> lock = FileLock::Take(layout_.HoldsLock(), FileLock::Wait::kNo);
  if (!lock.ok()) return absl::OkStatus();
  const absl::StatusOr<std::set<uint64_t>> held = HeldSegments(layout_, *keys_);
  if (!held.ok()) {
    spdlog::error("nothing is deleted, because what is held cannot be told: {}", held.status().ToString());
    return absl::OkStatus();
  }
  const absl::StatusOr<DueSegments> due = due_beside(*held);
  if (!due.ok()) {
    spdlog::error("nothing is deleted, because the log cannot be looked through: {}", due.status().ToString());
    return absl::OkStatus();
  }
  ReportSize(due->exceeded_bytes);
  return due->segments.empty() ? absl::OkStatus() : DeleteSegments(due->segments);
}

void LogRecorder::ReportSize(uint64_t exceeded_bytes) {
  uint64_t before = 0;
  {
    std::lock_guard lock(mutex_);
    before = std::exchange(stats_.retention_exceeded_bytes, exceeded_bytes);
  }
  if (before == 0 && exceeded_bytes != 0) {
    spdlog::error(
        "the log is {} bytes larger than retention_size and grows on: what could be deleted is younger than "
        "retention_min_age, held or damaged. When the disk is full new calls are refused",
        exceeded_bytes);
  } else if (before != 0 && exceeded_bytes == 0) {
    spdlog::info("the log is not larger than retention_size any more");
  }
}

absl::Status LogRecorder::DeleteSegments(const std::vector<uint64_t>& segments) {
  absl::StatusOr<v1::Tombstone> last = LoadTombstone(layout_);
  absl::StatusOr<v1::Tombstone> tombstone =
      last.ok() ? MakeTombstone(layout_, *keys_, *last, segments, absl::Now()) : last.status();
  if (!tombstone.ok()) {
    spdlog::error("nothing is deleted: {}", tombstone.status().ToString());
    return absl::OkStatus();
  }
  // Said in the log, and signed, before anything is gone.
  if (absl::Status status = log_->AppendTombstone(tombstone->SerializeAsString(), absl::Now()); !status.ok()) {
    return status;
  }
  AdvanceTree();
  absl::Status status = checkpointer_->Flush();
  if (status.ok()) status = KeepTombstone(layout_, files_, *tombstone);
  if (status.ok()) status = FinishDeletion(layout_, files_, *keys_, *index_, *tombstone);
  if (!status.ok()) {
    spdlog::error("segments that are to be deleted are still there; the next start deletes them: {}",
                  status.ToString());
    return absl::OkStatus();
  }
  spdlog::info("retention: deleted segments {} to {}, {} in all", segments.front(), segments.back(), segments.size());
  return absl::OkStatus();
}

absl::Status LogRecorder::ReserveSpace() {
  uint64_t wanted = 0;
  uint64_t slack = 0;
  {
    std::lock_guard lock(mutex_);
    wanted = promises_.wanted();
    slack = promises_.slack();
  }
  // Twice of it, so that calls that begin until the next time find theirs.
  const absl::Status reserved = log_->Reserve(2 * wanted + SpaceAhead(options_) / 4);
  if (!reserved.ok()) {
    // Then so that what waits now does.
    const absl::Status least = absl::IsResourceExhausted(reserved) ? log_->Reserve(wanted + slack) : reserved;
    if (!least.ok() && !absl::IsResourceExhausted(least)) return least;
  }
  bool changed = false;
  {
    std::lock_guard lock(mutex_);
    promises_.SetLeft(log_->space_left());
    changed = disk_full_ == reserved.ok();
    disk_full_ = !reserved.ok();
  }
  if (changed && !reserved.ok()) {
    spdlog::error(
        "the disk is full: until there is space new calls are refused, and what calls that are open go on to carry may "
        "be; then the gateway ends them, and that is recorded: {}",
        reserved.ToString());
  } else if (changed) {
    spdlog::info("there is disk space again: new calls are taken");
  }
  return absl::OkStatus();
}

absl::Status LogRecorder::CloseLog() {
  if (!Health().ok()) return absl::OkStatus();
  const absl::Time now = absl::Now();
  absl::StatusOr<std::optional<WrittenBlock>> block =
      EndInterruptedCalls(layout_, *keys_, log_->open_calls(), *fingerprint_, now, *log_);
  if (!block.ok()) return block.status();
  if (block->has_value()) FeedIndex(**block);
  if (absl::Status status = log_->Close(now); !status.ok()) return status;
  AdvanceTree();
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
