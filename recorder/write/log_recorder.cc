#include "recorder/write/log_recorder.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/log/descriptor_archive.h"
#include "recorder/write/interrupted_calls.h"

namespace sallyport::recorder {
namespace {

using std::chrono::milliseconds;

// Entries that nobody waits for are written after this long.
constexpr auto kUnawaitedDelay = milliseconds(10);
// For so long after a block the writer looks by itself whether anything came, so that entries that nobody waits for
// need not wake it: a call that is made alone would wake it twice.
constexpr auto kLinger = milliseconds(1000);
// While several wait for each sync, the next one comes this long after the last, so that more of them share it.
constexpr auto kGatherWindow = milliseconds(3);
constexpr int kSeveral = 4;
// So much is written without waiting for more, and is the size at which a block ends.
constexpr size_t kBlockBytes = 4 << 20;

}  // namespace

LogRecorder::LogRecorder(const RecorderOptions& options, FileSystem& files, RecoveredStore store)
    : options_(options),
      place_(store.place),
      owner_lock_(std::move(store.owner_lock)),
      files_(files),
      keys_(std::move(store.keys)),
      fingerprint_(std::move(store.fingerprint)),
      last_id_(store.largest_id),
      promises_(options.reserve_per_call, SpaceAhead(options) / 8),
      checkpointer_(std::move(store.checkpointer)),
      log_(std::move(store.log)),
      engine_(std::move(store.engine)),
      index_(std::make_unique<IndexKeeper>(place_, *keys_, *engine_, std::move(store.index), IndexKeeper::Options())) {
  stats_.damages = store.damages;
  promises_.SetLeft(log_->space_left());
  writer_ = std::thread([this] { Run(); });
  housekeeper_ = std::make_unique<Housekeeper>(
      options_, Housekeeper::Parts{place_, files_, *keys_, *engine_, *index_, *checkpointer_, *this});
}

LogRecorder::~LogRecorder() {
  // It asks things of the writer.
  housekeeper_.reset();
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
  const absl::Status status =
      recorder::KeepDescriptors(place_.layout(), *keys_, files_, version, file_descriptor_set, bounds);
  if (!absl::IsResourceExhausted(status)) return status;
  std::lock_guard stats_lock(mutex_);
  if (stats_.descriptors_not_kept++ == 0) {
    spdlog::error("{}; what is reflected from now on is not kept, and this is not said again", status.ToString());
  }
  return status;
}

absl::Status LogRecorder::Flush() {
  absl::Status health;
  {
    std::unique_lock lock(mutex_);
    const uint64_t ticket = ++flush_requested_;
    wake_writer_.notify_one();
    flushed_.wait(lock, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return flush_done_ >= ticket; });
    health = health_;
  }
  index_->Flush();
  return health;
}

absl::Status LogRecorder::BetweenBlocks(absl::FunctionRef<absl::Status(LogWriter&)> action) {
  const std::function<absl::Status()> order = [&] {
    if (absl::Status status = action(*log_); !status.ok()) return status;
    AdvanceTree();
    return TakeSpace();
  };
  std::unique_lock lock(mutex_);
  if (!health_.ok()) return health_;
  orders_.push_back(&order);
  const uint64_t ticket = ++ordered_;
  wake_writer_.notify_one();
  flushed_.wait(lock, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return carried_out_ >= ticket; });
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
  const Housekeeper::Stats house = housekeeper_->stats();
  stats.housekeepings = house.rounds;
  stats.keys = house.keys;
  stats.retention_exceeded_bytes = house.retention_exceeded_bytes;
  stats.index = index_->Health();
  stats.tree_size = checkpoints.size;
  stats.checkpoints = checkpoints.health;
  stats.leaves_waiting = checkpoints.waiting;
  if (checkpoints.signed_at.has_value()) stats.checkpoint_age = absl::FromChrono(Clock::now() - *checkpoints.signed_at);
  for (const CheckpointPublisher::Stats& sink : checkpoints.sinks) {
    RecorderStats::Sink& told = stats.sinks.emplace_back();
    told.name = sink.sink;
    told.behind = sink.behind;
    told.last = sink.last;
    if (sink.published_at.has_value()) told.age = absl::FromChrono(Clock::now() - *sink.published_at);
  }
  stats.batches_waiting = queue_.size();
  stats.bytes_waiting = waiting_bytes_;
  stats.calls_open = static_cast<uint64_t>(std::max<int64_t>(0, active_calls_));
  const Clock::time_point oldest = queue_.empty() ? writing_since_ : std::min(writing_since_, oldest_);
  if (oldest != Clock::time_point::max()) stats.sync_lag = absl::FromChrono(Clock::now() - oldest);
  return stats;
}

LogRecorder::Clock::time_point LogRecorder::WriteDue() const {
  if (queue_.empty()) return Clock::time_point::max();
  if (queue_bytes_ >= kBlockBytes || promises_.anyone_waits()) return Clock::time_point::min();
  if (durable_waiting_ == 0) return oldest_ + kUnawaitedDelay;
  // If every call that is going on waits for the sync, nobody else can join.
  return active_calls_ <= active_waiting_ ? Clock::time_point::min() : gather_until_;
}

void LogRecorder::WaitForWork(std::unique_lock<std::mutex>& lock) {
  while (!stopping_ && !FlushIsWanted() && orders_.empty()) {
    const Clock::time_point now = Clock::now();
    Clock::time_point due = WriteDue();
    if (due <= now) return;
    if (due == Clock::time_point::max() && now < lingers_until_) due = now + kUnawaitedDelay;
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
  std::vector<const std::function<absl::Status()>*> orders;
  bool stop = false;
  while (!stop) {
    uint64_t flush = 0;
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
      orders.swap(orders_);
    }
    for (const std::function<absl::Status()>* order : orders) {
      if (!Health().ok()) break;
      if (absl::Status status = (*order)(); !status.ok()) Fail(status, {});
    }
    if (!items.empty()) {
      absl::Status status = PromiseSpace(items);
      if (status.ok()) status = WriteItems(absl::MakeSpan(items));
      if (!status.ok()) Fail(status, absl::MakeSpan(items));
      items.clear();
      lingers_until_ = Clock::now() + kLinger;
    }
    if (stop) {
      if (absl::Status status = CloseLog(); !status.ok()) Fail(status, {});
    }
    bool told = !orders.empty();
    {
      std::lock_guard lock(mutex_);
      told = told || flush_done_ != flush;
      flush_done_ = flush;
      carried_out_ += orders.size();
    }
    orders.clear();
    if (told) flushed_.notify_all();
  }
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
  absl::StatusOr<WrittenBlock> block = log_->Append(group_, options_.now());
  if (!block.ok()) return block.status();
  AfterBlock(items);
  AdvanceTree();
  index_->Take(*block);
  return TakeSpace();
}

// Tells whom the block concerns, before anything else takes its time.
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
  bool idle = false;
  {
    std::lock_guard lock(mutex_);
    waiting_bytes_ -= bytes;
    promises_.Written(space);
    promises_.SetLeft(log_->space_left());
    stats_.bytes_written = log_->bytes_written();
    stats_.entries_written += entries;
    stats_.blocks_written += entries != 0 ? 1 : 0;
    stats_.syncs = log_->syncs();
    if (entries != 0 && writing_since_ != Clock::time_point::max()) {
      stats_.commits.Add(absl::FromChrono(Clock::now() - writing_since_));
    }
    gather_until_ = several ? Clock::now() + kGatherWindow : Clock::time_point::min();
    if (waiting_bytes_ < options_.buffer_bytes) {
      told_.insert(told_.end(), room_waiters_.begin(), room_waiters_.end());
      room_waiters_.clear();
    }
    idle = queue_.empty();
  }
  notifier_.Notify(told_, Appended::kDone, idle);
}

void LogRecorder::AdvanceTree() {
  checkpointer_->Advance(log_->TakeLeaves(), {log_->tree(), log_->end(), log_->next_sequence()});
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
  notifier_.Notify(told_, Appended::kFailed);
}

absl::Status LogRecorder::CloseLog() {
  if (!Health().ok()) return absl::OkStatus();
  const absl::Time now = options_.now();
  absl::StatusOr<std::optional<WrittenBlock>> block =
      EndInterruptedCalls(place_, *keys_, log_->open_calls(), *fingerprint_, now, *log_);
  if (!block.ok()) return block.status();
  if (block->has_value()) index_->Take(**block);
  if (absl::Status status = log_->Close(now); !status.ok()) return status;
  AdvanceTree();
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
