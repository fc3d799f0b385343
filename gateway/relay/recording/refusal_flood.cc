#include "gateway/relay/recording/refusal_flood.h"

#include <utility>

#include "absl/time/clock.h"
#include "gateway/relay/recording/refused_record.h"

namespace sallyport::gateway {
namespace {

constexpr absl::Duration kTogether = absl::Seconds(1);

}  // namespace

RefusalFlood::RefusalFlood(const RefusalLimits& limits, recorder::Recorder* recorder)
    : table_(limits), recorder_(recorder) {
  if (recorder_ != nullptr) thread_ = std::thread([this] { Run(); });
}

bool RefusalFlood::Refused(const RefusedCall& call) {
  by_reason_[static_cast<size_t>(call.reason)].fetch_add(1, std::memory_order_relaxed);
  if (table_.Refused(call)) return true;
  if (recorder_ == nullptr) return false;
  only_counted_.fetch_add(1, std::memory_order_relaxed);
  if (counted_.exchange(true)) return false;
  absl::MutexLock lock(&mutex_);
  wanted_ = true;
  return false;
}

void RefusalFlood::Recorded(size_t bytes) {
  constexpr size_t kOverhead = RefusalTable::kStoreOverhead;
  table_.Refund(RefusalTable::kMostRecordBytes + kOverhead, bytes + kOverhead);
}

void RefusalFlood::Stop() {
  if (!thread_.joinable()) return;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

RefusalCounts RefusalFlood::counts() const {
  RefusalCounts counts;
  for (size_t i = 0; i < kRefusalReasons; ++i) counts.by_reason[i] = by_reason_[i].load(std::memory_order_relaxed);
  counts.only_counted = only_counted_.load(std::memory_order_relaxed);
  return counts;
}

void RefusalFlood::Run() {
  const auto woken = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return wanted_ || stopping_; };
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&woken));
      mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kTogether);
      if (stopping_) break;
      wanted_ = false;
    }
    counted_.store(false);
    if (!Write(false)) continue;
    counted_.store(true);
    absl::MutexLock lock(&mutex_);
    wanted_ = true;
  }
  Write(true);
}

bool RefusalFlood::Write(bool all) {
  constexpr size_t kOverhead = RefusalTable::kStoreOverhead;
  for (const CountedCalls& counted : table_.TakeCounted(absl::Now(), all)) {
    recorder::EntryBatch batch = recorder_->NewBatch(recorder_->NewCallId(absl::Now()));
    AddCountedCalls(batch, counted);
    const size_t bytes = batch.bytes().size();
    const recorder::Appended appended = recorder_->Append(std::move(batch), recorder::Until::kAccepted, nullptr);
    const bool recorded = appended == recorder::Appended::kDone;
    table_.Refund(RefusalTable::kMostCountedBytes + kOverhead, recorded ? bytes + kOverhead : 0);
    // A log that cannot be written any more stays so; without space it may be written again.
    if (appended == recorder::Appended::kNoSpace && !all) table_.PutBack(counted);
  }
  return table_.has_counted();
}

}  // namespace sallyport::gateway
