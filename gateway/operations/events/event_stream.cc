#include "gateway/operations/events/event_stream.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "recorder/format/store_layout.h"

namespace sallyport::gateway {
namespace {

const char* WhyOf(LogGap::Why why) {
  switch (why) {
    case LogGap::Why::kDeleted:
      return "retention has deleted them";
    case LogGap::Why::kShredded:
      return "their key is destroyed";
    case LogGap::Why::kDamaged:
      return "the log is damaged";
    case LogGap::Why::kSetBack:
      return "the log is another one than before, or an older copy";
  }
  return "unknown";
}

}  // namespace

// Takes entries until the batch is full.
class EventStream::Collector : public EventLogReader {
 public:
  Collector(EventStream& stream, absl::Time now) : stream_(stream), now_(now) {}

  bool OnEntry(const v1::Entry& entry) override {
    const ToldCall& facts = stream_.memory_.Take(entry);
    if (IsTold(entry) && Wanted(KindOf(entry))) Add(MakeEvent(entry, facts, stream_.source_));
    return !full();
  }
  bool OnGap(const LogGap& gap) override {
    spdlog::error("events: {} gets no events of {} entries of the log from number {} on: {}", stream_.options_.name,
                  gap.entries, gap.first_sequence, WhyOf(gap.why));
    Add(MakeGapEvent(gap, now_, stream_.source_));
    return !full();
  }

  std::vector<Event> Take() { return std::move(events_); }

 private:
  bool Wanted(EventKind kind) const {
    switch (kind) {
      case EventKind::kCallEnd:
        return stream_.options_.call_ends;
      case EventKind::kRefusal:
        return stream_.options_.refusals;
      case EventKind::kDecision:
        return stream_.options_.decisions;
      case EventKind::kGap:
        return true;
    }
    return true;
  }
  void Add(Event event) {
    bytes_ += event.json.size();
    events_.push_back(std::move(event));
  }
  bool full() const { return events_.size() >= stream_.most_events_ || bytes_ >= stream_.limits_.bytes; }

  EventStream& stream_;
  const absl::Time now_;
  std::vector<Event> events_;
  size_t bytes_ = 0;
};

absl::StatusOr<std::unique_ptr<EventStream>> EventStream::Start(const EventReceiverOptions& options, const Place& place,
                                                                const EventCursor& from, const EventSource& source,
                                                                std::unique_ptr<EventReceiver> receiver,
                                                                const Limits& limits) {
  absl::StatusOr<EventCursor> cursor = LoadEventCursor(place.cursor_file);
  if (absl::IsDataLoss(cursor.status())) {
    spdlog::error("events: {} begins anew, with events missing or coming again: {}", options.name,
                  cursor.status().ToString());
  } else if (!cursor.ok() && !absl::IsNotFound(cursor.status())) {
    return cursor.status();
  }
  if (!cursor.ok()) {
    cursor = from;
    // Else what happens before the first batch is taken would be missing if the gateway were killed.
    if (absl::Status status = SaveEventCursor(place.cursor_file, from); !status.ok()) return status;
  }
  std::unique_ptr<EventStream> stream(new EventStream(options, place, *cursor, source, std::move(receiver), limits));
  stream->thread_ = std::thread([running = stream.get()] { running->Loop(); });
  return stream;
}

EventStream::EventStream(const EventReceiverOptions& options, const Place& place, const EventCursor& from,
                         const EventSource& source, std::unique_ptr<EventReceiver> receiver, const Limits& limits)
    : options_(options),
      place_(place),
      source_(source),
      limits_(limits),
      log_place_(recorder::StoreLayout(place.directory)),
      receiver_(std::move(receiver)),
      log_(log_place_, *place_.keys, from),
      memory_(limits.facts_bytes, [this](uint64_t call_id, ToldCall& facts) { return LookUp(call_id, facts); }),
      saved_(from),
      most_events_(limits.events),
      pause_(absl::ZeroDuration()) {
  numbers_.receiver = options_.name;
  behind_ = from;
}

EventStream::~EventStream() { Stop(absl::InfinitePast()); }

void EventStream::BeginStop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
}

void EventStream::Stop(absl::Time deadline) {
  BeginStop();
  {
    absl::MutexLock lock(&mutex_);
    if (!mutex_.AwaitWithDeadline(absl::Condition(&ended_), deadline)) {
      cancelled_ = true;
      receiver_->Cancel();
    }
  }
  absl::MutexLock lock(&join_mutex_);
  if (thread_.joinable()) thread_.join();
}

void EventStream::Loop() {
  while (Step()) {
  }
  absl::MutexLock lock(&mutex_);
  ended_ = true;
}

bool EventStream::Step() {
  // Asked before the log is read: whoever stops it has written everything.
  const bool last_look = stopping();
  const absl::Time now = absl::Now();
  if (absl::Status status = Settle(now); !status.ok()) {
    OnFailure(status);
    GoBack();
    return Pause(pause_);
  }
  if (batch_.empty()) {
    Collector batch(*this, now);
    const absl::StatusOr<bool> nothing_left = log_.Read(batch);
    batch_ = batch.Take();
    if (!nothing_left.ok() && batch_.empty()) {
      OnFailure(nothing_left.status());
      return Pause(pause_);
    }
  }
  return batch_.empty() ? BeIdle(now, last_look) : SendBatch(now);
}

bool EventStream::SendBatch(absl::Time now) {
  NoteProgress(/*caught_up=*/false, batch_.front().time);
  absl::Status status = receiver_->Send(batch_);
  const bool too_large = absl::IsResourceExhausted(status);
  if (status.ok()) {
    unsettled_.push_back({log_.cursor(), now, batch_.front().time});
    {
      absl::MutexLock lock(&mutex_);
      numbers_.sent += batch_.size();
    }
    batch_.clear();
    if (receiver_->settles() == absl::ZeroDuration()) status = Settle(now);
  }
  if (!status.ok()) {
    if (too_large) most_events_ = std::max<size_t>(1, batch_.size() / 2);
    OnFailure(status);
    // Else the same batch is sent again. What was sent before it and acknowledges nothing may be lost with it.
    if (too_large || !unsettled_.empty()) GoBack();
    return Pause(pause_);
  }
  if (!last_.ok()) spdlog::info("events arrive at {} again", options_.name);
  last_ = absl::OkStatus();
  pause_ = absl::ZeroDuration();
  most_events_ = std::min(limits_.events, most_events_ + 1);
  // Also when it is to stop: with what the log has.
  return true;
}

bool EventStream::BeIdle(absl::Time now, bool last_look) {
  constexpr absl::Duration kSaveIdle = absl::Seconds(10);
  NoteProgress(/*caught_up=*/unsettled_.empty(), std::nullopt);
  if (!unsettled_.empty()) {
    if (!last_look) {
      static_cast<void>(Pause(limits_.look));
      return true;
    }
    absl::MutexLock lock(&mutex_);
    return !mutex_.AwaitWithTimeout(absl::Condition(&cancelled_), limits_.look);
  }
  // Entries that make no event move the cursor too, now and then.
  if (log_.cursor() != saved_ &&
      (last_look || now - saved_at_ >= kSaveIdle || log_.cursor().block.segment() != saved_.block.segment())) {
    if (absl::Status status = Save(log_.cursor()); !status.ok()) OnFailure(status);
  }
  if (last_look) return false;
  // When it is to stop there is one more look.
  static_cast<void>(Pause(limits_.look));
  return true;
}

absl::Status EventStream::Settle(absl::Time now) {
  if (unsettled_.empty() || now - unsettled_.front().at < receiver_->settles()) return absl::OkStatus();
  if (absl::Status status = receiver_->Confirm(); !status.ok()) return status;
  EventCursor settled;
  while (!unsettled_.empty() && now - unsettled_.front().at >= receiver_->settles()) {
    settled = unsettled_.front().cursor;
    unsettled_.pop_front();
  }
  return Save(settled);
}

absl::Status EventStream::Save(const EventCursor& cursor) {
  if (absl::Status status = SaveEventCursor(place_.cursor_file, cursor); !status.ok()) return status;
  saved_ = cursor;
  saved_at_ = absl::Now();
  return absl::OkStatus();
}

void EventStream::GoBack() {
  batch_.clear();
  unsettled_.clear();
  memory_.Forget();
  log_.MoveTo(saved_);
}

void EventStream::OnFailure(const absl::Status& status) {
  // Said once, until they arrive again.
  if (last_.ok() && !absl::IsCancelled(status))
    spdlog::warn("events do not arrive at {}; they are sent again: {}", options_.name, status.ToString());
  last_ = status;
  {
    absl::MutexLock lock(&mutex_);
    ++numbers_.failures;
  }
  pause_ = std::clamp(2 * pause_, limits_.first_pause, limits_.longest_pause);
}

bool EventStream::Pause(absl::Duration pause) {
  absl::MutexLock lock(&mutex_);
  return !mutex_.AwaitWithTimeout(absl::Condition(&stopping_), pause);
}

bool EventStream::stopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

void EventStream::NoteProgress(bool caught_up, std::optional<absl::Time> oldest) {
  const std::optional<absl::Time> unsettled =
      unsettled_.empty() ? std::nullopt : std::optional<absl::Time>(unsettled_.front().oldest);
  absl::MutexLock lock(&mutex_);
  behind_ = saved_;
  oldest_ = caught_up ? std::nullopt : unsettled.has_value() ? unsettled : oldest;
}

absl::Status EventStream::LookUp(uint64_t call_id, ToldCall& facts) {
  if (reader_ != nullptr && !reader_->IsCurrent()) reader_.reset();
  if (reader_ == nullptr) {
    absl::StatusOr<std::unique_ptr<recorder::RecordReader>> reader =
        recorder::RecordReader::Open(place_.directory, place_.keys);
    if (!reader.ok()) return reader.status();
    reader_ = *std::move(reader);
  }
  const absl::Status enough = absl::CancelledError("enough");
  const absl::Status status = reader_->ReadCall(call_id, [&](const v1::Entry& entry) {
    if (!entry.has_start() && !entry.has_decision()) return enough;
    LearnCall(entry, facts);
    return absl::OkStatus();
  });
  return status == enough ? absl::OkStatus() : status;
}

EventStreamNumbers EventStream::Numbers() const {
  EventStreamNumbers numbers;
  EventCursor behind;
  {
    absl::MutexLock lock(&mutex_);
    numbers = numbers_;
    if (!oldest_.has_value()) return numbers;
    numbers.lag = std::max(absl::ZeroDuration(), absl::Now() - *oldest_);
    behind = behind_;
  }
  const EventLog log(log_place_, *place_.keys, behind);
  const absl::StatusOr<uint64_t> bytes = log.BytesAhead();
  if (bytes.ok()) numbers.lag_bytes = *bytes;
  return numbers;
}

}  // namespace sallyport::gateway
