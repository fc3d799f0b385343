#include "gateway/operations/events/event_streams.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/format/store_layout.h"
#include "recorder/system/file.h"

namespace sallyport::gateway {

absl::Status EventStreams::OpenKeys() {
  if (keys_ != nullptr) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<recorder::StoreKeys>> keys =
      recorder::StoreKeys::Open(recorder::StoreLayout(directory_), key_source_);
  if (!keys.ok()) return keys.status();
  keys_ = *std::move(keys);
  return recorder::RealFileSystem().EnsureDirectory(recorder::StoreLayout(directory_).EventsDirectory());
}

absl::Status EventStreams::Apply(const std::vector<EventReceiverOptions>& receivers) {
  absl::MutexLock lock(&mutex_);
  if (!receivers.empty()) {
    if (absl::Status status = OpenKeys(); !status.ok()) return status;
  }
  // What can fail comes before anything ends.
  std::map<std::string, std::unique_ptr<EventReceiver>> made;
  for (const EventReceiverOptions& options : receivers) {
    absl::StatusOr<std::unique_ptr<EventReceiver>> receiver = MakeEventReceiver(options, source_);
    if (!receiver.ok()) {
      return absl::Status(receiver.status().code(),
                          absl::StrCat("events.receivers.", options.name, ": ", receiver.status().message()));
    }
    made[options.name] = *std::move(receiver);
  }
  const auto wanted = [&](const std::unique_ptr<EventStream>& stream) {
    return std::find(receivers.begin(), receivers.end(), stream->options()) != receivers.end();
  };
  const auto over = std::stable_partition(streams_.begin(), streams_.end(), wanted);
  for (auto stream = over; stream != streams_.end(); ++stream) (*stream)->BeginStop();
  // One thread for a cursor at a time.
  for (auto stream = over; stream != streams_.end(); ++stream) (*stream)->Stop(absl::InfinitePast());
  streams_.erase(over, streams_.end());
  for (const EventReceiverOptions& options : receivers) {
    const bool goes_on = std::any_of(streams_.begin(), streams_.end(), [&](const std::unique_ptr<EventStream>& stream) {
      return stream->options() == options;
    });
    if (goes_on) continue;
    absl::StatusOr<std::unique_ptr<EventStream>> stream = Begin(options, std::move(made[options.name]));
    if (!stream.ok()) return stream.status();
    streams_.push_back(*std::move(stream));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<EventStream>> EventStreams::Begin(const EventReceiverOptions& options,
                                                                 std::unique_ptr<EventReceiver> receiver) {
  const recorder::StoreLayout layout(directory_);
  absl::StatusOr<EventCursor> from = EventLog::Oldest();
  if (!options.from_oldest) from = EventLog::Newest(recorder::LogPlace(layout), *keys_);
  if (!from.ok()) return from.status();
  const EventStream::Place place = {directory_, keys_, layout.EventCursor(options.name)};
  return EventStream::Start(options, place, *from, source_, std::move(receiver), EventStream::Limits());
}

void EventStreams::Stop(absl::Time deadline) {
  absl::MutexLock lock(&mutex_);
  for (const std::unique_ptr<EventStream>& stream : streams_) stream->BeginStop();
  for (const std::unique_ptr<EventStream>& stream : streams_) stream->Stop(deadline);
  streams_.clear();
}

std::vector<EventStreamNumbers> EventStreams::Numbers() const {
  absl::MutexLock lock(&mutex_);
  std::vector<EventStreamNumbers> numbers;
  numbers.reserve(streams_.size());
  for (const std::unique_ptr<EventStream>& stream : streams_) numbers.push_back(stream->Numbers());
  return numbers;
}

}  // namespace sallyport::gateway
