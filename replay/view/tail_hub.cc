#include "replay/view/tail_hub.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/system/file.h"
#include "replay/view/log_following.h"

namespace sallyport::replay {
namespace {

// Of a message that waits, beside its fields.
constexpr size_t kMessageBytes = 256;

}  // namespace

class TailHub::Listener final : public TailHub::Listening {
 public:
  Listener(TailHub* hub, std::shared_ptr<TailQueue> queue) : hub_(*hub), queue_(std::move(queue)) {}
  ~Listener() override {
    hub_.Leave(queue_.get());
    queue_->Silence();
  }

  std::shared_ptr<const v1::TailCallsResponse> Next() override { return queue_->Next(); }
  absl::Status status() const override { return queue_->status(); }

 private:
  TailHub& hub_;
  const std::shared_ptr<TailQueue> queue_;
};

std::shared_ptr<TailHub> TailHub::Of(const std::shared_ptr<CallStore>& store) {
  return store->TailHubOr([&] { return std::make_shared<TailHub>(store); });
}

TailHub::TailHub(std::shared_ptr<CallStore> store, Options options)
    : store_(std::move(store)), options_(options), thread_([this](const std::stop_token& stop) { Run(stop); }) {}

TailHub::~TailHub() {
  thread_.request_stop();
  thread_.join();
}

absl::StatusOr<std::unique_ptr<TailHub::Listening>> TailHub::Listen(const v1::TailCallsRequest& request,
                                                                    ReaderRights rights, Ready ready) {
  auto wish = std::make_shared<const TailWish>(request, std::move(rights));
  auto queue = std::make_shared<TailQueue>(options_.most_queued_bytes, std::move(ready));
  WriterWatch writer(store_->layout());
  writer.Look();
  queue->SayFollowing(writer.written());
  {
    const std::lock_guard lock(mutex_);
    if (seats_.size() >= options_.most_listeners) {
      return absl::ResourceExhaustedError(
          absl::StrCat(options_.most_listeners, " follow the log already: try again when others have left"));
    }
    if (follower_ == nullptr) {
      absl::StatusOr<std::unique_ptr<recorder::LogFollower>> follower = FollowLog(*store_);
      if (!follower.ok()) return follower.status();
      follower_ = *std::move(follower);
    }
    seats_.push_back({std::move(wish), queue});
    ++generation_;
  }
  changed_.notify_all();
  return std::make_unique<Listener>(this, std::move(queue));
}

absl::Status TailHub::Tell(const v1::TailCallsRequest& request, ReaderRights rights, const std::stop_token& stop,
                           CallSource::TailReceiver said) {
  std::mutex mutex;
  std::condition_variable_any changed;
  bool ready = false;
  const absl::StatusOr<std::unique_ptr<Listening>> listening = Listen(request, std::move(rights), [&] {
    const std::lock_guard lock(mutex);
    ready = true;
    changed.notify_all();
  });
  if (!listening.ok()) return listening.status();
  while (!stop.stop_requested()) {
    // Before what is left is taken: whatever comes after this is told next time.
    const absl::Status ended = (*listening)->status();
    while (const std::shared_ptr<const v1::TailCallsResponse> next = (*listening)->Next()) {
      if (stop.stop_requested()) return absl::OkStatus();
      if (absl::Status status = said(*next); !status.ok()) return status;
    }
    if (!ended.ok()) return ended;
    std::unique_lock lock(mutex);
    changed.wait(lock, stop, [&] { return ready; });
    ready = false;
  }
  return absl::OkStatus();
}

void TailHub::Leave(const TailQueue* queue) {
  const std::lock_guard lock(mutex_);
  std::erase_if(seats_, [&](const Seat& seat) { return seat.queue.get() == queue; });
  ++generation_;
}

void TailHub::Run(const std::stop_token& stop) {
  while (true) {
    std::shared_ptr<recorder::LogFollower> follower;
    {
      std::unique_lock lock(mutex_);
      if (seats_.empty()) follower_ = nullptr;
      if (!changed_.wait(lock, stop, [&] { return !seats_.empty(); })) return;
      follower = follower_;
    }
    const absl::Status status = Follow(*follower, stop);
    if (!status.ok()) EndAll(status);
  }
}

void TailHub::EndAll(const absl::Status& why) {
  std::vector<Seat> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(seats_);
    follower_ = nullptr;
    ++generation_;
  }
  for (const Seat& seat : ended) seat.queue->End(why);
}

std::optional<std::vector<TailHub::Seat>> TailHub::Changed(uint64_t* generation) {
  if (generation_ == *generation) return std::nullopt;
  const std::lock_guard lock(mutex_);
  *generation = generation_;
  return seats_;
}

absl::Status TailHub::Follow(recorder::LogFollower& follower, const std::stop_token& stop) {
  const LogWatch& watch = store_->watch();
  const absl::Status stopped = absl::CancelledError("nobody follows any more");
  WriterWatch writer(store_->layout());
  writer.Look();
  CallTail tail(store_.get());
  std::vector<Seat> seats;
  uint64_t generation = 0;
  const auto look_for_others = [&] {
    std::optional<std::vector<Seat>> changed = Changed(&generation);
    if (!changed.has_value()) return;
    seats = *std::move(changed);
    CallTail::Wishes wishes;
    std::transform(seats.begin(), seats.end(), std::back_inserter(wishes), [](const Seat& seat) { return seat.wish; });
    tail.Listen(std::move(wishes));
  };
  const auto tell = [&](const CallTail::Said& said, absl::Span<const uint32_t> to) {
    const size_t bytes = kMessageBytes + said->ByteSizeLong();
    for (const uint32_t place : to) seats[place].queue->Push(said, bytes);
    return absl::OkStatus();
  };
  while (!stop.stop_requested()) {
    look_for_others();
    if (seats.empty()) return absl::OkStatus();
    const uint64_t changes = watch.changes();
    if (writer.Look()) {
      for (const Seat& seat : seats) seat.queue->SayFollowing(writer.written());
    }
    const absl::StatusOr<int> entries = follower.Poll([&](const v1::Entry& entry) {
      if (stop.stop_requested()) return stopped;
      look_for_others();
      return tail.Next(entry, tell);
    });
    if (entries.status() == stopped) return absl::OkStatus();
    if (!entries.ok()) return entries.status();
    for (const Seat& seat : seats) seat.queue->SayCaughtUp();
    watch.Await(changes, absl::Now() + kBetweenLooksForWriter, stop);
  }
  return absl::OkStatus();
}

}  // namespace sallyport::replay
