#include "gateway/operations/events/event_stream.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "gateway/operations/events/event_streams.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::gateway {
namespace {

using recorder::Recorder;
using Names = std::vector<std::string>;

constexpr absl::Duration kLongest = absl::Seconds(60);

// What a receiver has got, and how it takes it.
class Inbox {
 public:
  absl::Status Take(const std::vector<Event>& events) {
    absl::MutexLock lock(&mutex_);
    ++attempts_;
    mutex_.Await(absl::Condition(
        +[](Inbox* inbox) ABSL_NO_THREAD_SAFETY_ANALYSIS { return !inbox->blocked_ || inbox->cancelled_; }, this));
    if (cancelled_) return absl::CancelledError("given up");
    if (events.size() > most_) return absl::ResourceExhaustedError("too many");
    if (failing_ > 0) {
      --failing_;
      return absl::UnavailableError("away");
    }
    for (const Event& event : events) {
      const nlohmann::json json = nlohmann::json::parse(event.json);
      got_.push_back(json["api"]["operation"].get<std::string>() + " " + json["activity_name"].get<std::string>());
      incomplete_ += json["unmapped"].contains("incomplete") ? 1 : 0;
    }
    return absl::OkStatus();
  }
  absl::Status Confirm() {
    absl::MutexLock lock(&mutex_);
    return losing_-- > 0 ? absl::UnavailableError("the connection is gone") : absl::OkStatus();
  }
  void Cancel() {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
  }
  void Revive() {
    absl::MutexLock lock(&mutex_);
    cancelled_ = false;
  }

  void Block(bool blocked) {
    absl::MutexLock lock(&mutex_);
    blocked_ = blocked;
  }
  void Fail(int times) {
    absl::MutexLock lock(&mutex_);
    failing_ = times;
  }
  void Lose(int times) {
    absl::MutexLock lock(&mutex_);
    losing_ = times;
  }
  void TakeAtMost(size_t events) {
    absl::MutexLock lock(&mutex_);
    most_ = events;
  }
  Names Await(size_t count) {
    absl::MutexLock lock(&mutex_);
    awaited_ = count;
    mutex_.AwaitWithTimeout(
        absl::Condition(
            +[](Inbox* inbox) ABSL_NO_THREAD_SAFETY_ANALYSIS { return inbox->got_.size() >= inbox->awaited_; }, this),
        kLongest);
    return got_;
  }
  void AwaitAttempts(int count) {
    absl::MutexLock lock(&mutex_);
    awaited_ = static_cast<size_t>(count);
    REQUIRE(mutex_.AwaitWithTimeout(absl::Condition(
                                        +[](Inbox* inbox) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                                          return static_cast<size_t>(inbox->attempts_) >= inbox->awaited_;
                                        },
                                        this),
                                    kLongest));
  }
  int incomplete() {
    absl::MutexLock lock(&mutex_);
    return incomplete_;
  }

 private:
  absl::Mutex mutex_;
  Names got_;
  size_t awaited_ = 0;
  size_t most_ = 1'000'000;
  int attempts_ = 0;
  int failing_ = 0;
  int losing_ = 0;
  int incomplete_ = 0;
  bool blocked_ = false;
  bool cancelled_ = false;
};

class InboxReceiver : public EventReceiver {
 public:
  InboxReceiver(Inbox& inbox, absl::Duration settles) : inbox_(inbox), settles_(settles) {}
  absl::Status Send(const std::vector<Event>& events) override { return inbox_.Take(events); }
  absl::Duration settles() const override { return settles_; }
  absl::Status Confirm() override { return inbox_.Confirm(); }
  void Cancel() override { inbox_.Cancel(); }

 private:
  Inbox& inbox_;
  const absl::Duration settles_;
};

// A store that is written, and a stream of its events.
struct Streamed {
  Streamed() { Open(); }

  void Open() {
    recorder::RecorderOptions options;
    options.directory = directory.store();
    recorder = *Recorder::Open(options);
  }
  void Call(const std::string& method) {
    const absl::Time now = absl::Now();
    REQUIRE(recorder::AppendDurably(*recorder,
                                    recorder::UnaryCall(*recorder, recorder->NewCallId(now), now, "/a.B/" + method))
                .ok());
  }
  void Begin(absl::Duration settles = absl::ZeroDuration()) {
    const recorder::StoreLayout layout(directory.store());
    REQUIRE(recorder::RealFileSystem().EnsureDirectory(layout.EventsDirectory()).ok());
    absl::StatusOr<std::unique_ptr<recorder::StoreKeys>> keys = recorder::StoreKeys::Open(layout, std::nullopt);
    REQUIRE(keys.ok());
    EventReceiverOptions options;
    options.name = "siem";
    EventStream::Limits limits;
    limits.events = 4;
    limits.look = absl::Milliseconds(5);
    limits.first_pause = absl::Milliseconds(5);
    limits.longest_pause = absl::Milliseconds(20);
    const EventStream::Place place = {directory.store(), *std::move(keys), layout.EventCursor("siem")};
    inbox.Revive();
    absl::StatusOr<std::unique_ptr<EventStream>> begun = EventStream::Start(
        options, place, EventLog::Oldest(), {"1", "here"}, std::make_unique<InboxReceiver>(inbox, settles), limits);
    REQUIRE(begun.ok());
    stream = *std::move(begun);
  }
  // As kill -9 would: nothing more is sent or saved.
  void Kill() {
    stream->Stop(absl::InfinitePast());
    stream = nullptr;
  }

  recorder::TemporaryDirectory directory;
  std::unique_ptr<Recorder> recorder;
  Inbox inbox;
  std::unique_ptr<EventStream> stream;
};

// Without what came again; the order in which each came first.
Names WithoutRepeats(const Names& names) {
  Names once;
  for (const std::string& name : names) {
    if (std::find(once.begin(), once.end(), name) == once.end()) once.push_back(name);
  }
  return once;
}

Names Ends(int count) {
  Names ends;
  for (int i = 0; i < count; ++i) ends.push_back("a.B/M" + std::to_string(i) + " call_end");
  return ends;
}

}  // namespace

TEST_CASE("each call's end arrives, in order") {
  Streamed streamed;
  streamed.Begin();
  for (int i = 0; i < 10; ++i) streamed.Call("M" + std::to_string(i));
  CHECK(streamed.inbox.Await(10) == Ends(10));
  streamed.stream->Stop(absl::Now() + kLongest);
  CHECK(streamed.stream->Numbers().sent == 10);
  CHECK(streamed.stream->Numbers().lag == absl::ZeroDuration());
}

TEST_CASE("a stop sends what the log has, and the next start goes on behind it") {
  Streamed streamed;
  streamed.Begin();
  streamed.Call("M0");
  streamed.Call("M1");
  streamed.stream->Stop(absl::Now() + kLongest);
  CHECK(streamed.inbox.Await(2) == Ends(2));
  streamed.stream = nullptr;
  streamed.Call("M2");
  streamed.Begin();
  CHECK(streamed.inbox.Await(3) == Ends(3));
}

TEST_CASE("a receiver that fails gets everything again until it takes it, and nothing twice") {
  Streamed streamed;
  streamed.inbox.Fail(5);
  streamed.Begin();
  for (int i = 0; i < 10; ++i) streamed.Call("M" + std::to_string(i));
  CHECK(streamed.inbox.Await(10) == Ends(10));
  CHECK(streamed.stream->Numbers().failures == 5);
}

TEST_CASE("what was not taken when the gateway was killed comes after the next start") {
  Streamed streamed;
  streamed.Begin();
  for (int i = 0; i < 3; ++i) streamed.Call("M" + std::to_string(i));
  REQUIRE(streamed.inbox.Await(3).size() == 3);
  streamed.inbox.Block(true);
  streamed.Call("M3");
  streamed.Call("M4");
  streamed.inbox.AwaitAttempts(2);
  streamed.Kill();
  streamed.inbox.Block(false);
  streamed.Begin();
  CHECK(WithoutRepeats(streamed.inbox.Await(5)) == Ends(5));
}

TEST_CASE("a receiver that blocks keeps up nobody, and its lag is seen") {
  Streamed streamed;
  streamed.inbox.Block(true);
  streamed.Begin();
  for (int i = 0; i < 20; ++i) streamed.Call("M" + std::to_string(i));
  streamed.inbox.AwaitAttempts(1);
  const EventStreamNumbers numbers = streamed.stream->Numbers();
  CHECK(numbers.sent == 0);
  CHECK(numbers.lag > absl::ZeroDuration());
  CHECK(numbers.lag_bytes > 0);
  streamed.inbox.Block(false);
  CHECK(streamed.inbox.Await(20) == Ends(20));
}

TEST_CASE("a batch that is too large comes in smaller ones") {
  Streamed streamed;
  for (int i = 0; i < 8; ++i) streamed.Call("M" + std::to_string(i));
  streamed.inbox.TakeAtMost(1);
  streamed.Begin();
  CHECK(streamed.inbox.Await(8) == Ends(8));
}

TEST_CASE("what was sent and nobody has confirmed is sent again") {
  Streamed streamed;
  streamed.inbox.Lose(1);
  streamed.Begin(absl::Milliseconds(20));
  for (int i = 0; i < 6; ++i) streamed.Call("M" + std::to_string(i));
  // Some of them twice, at least the first.
  CHECK(streamed.inbox.Await(7).size() >= 7);
  streamed.stream->Stop(absl::Now() + kLongest);
  CHECK(WithoutRepeats(streamed.inbox.Await(0)) == Ends(6));
}

TEST_CASE("a damaged cursor begins anew") {
  Streamed streamed;
  streamed.Begin();
  streamed.Call("M0");
  REQUIRE(streamed.inbox.Await(1).size() == 1);
  streamed.stream->Stop(absl::Now() + kLongest);
  streamed.stream = nullptr;
  REQUIRE(recorder::ReplaceFile(recorder::RealFileSystem(),
                                recorder::StoreLayout(streamed.directory.store()).EventCursor("siem"), "nonsense")
              .ok());
  streamed.Begin();
  CHECK(streamed.inbox.Await(2) == Names{"a.B/M0 call_end", "a.B/M0 call_end"});
}

TEST_CASE("the end of a call that began before the stream says what it was") {
  Streamed streamed;
  const absl::Time now = absl::Now();
  const uint64_t id = streamed.recorder->NewCallId(now);
  recorder::EntryBatch start = streamed.recorder->NewBatch(id);
  start.AddStart(now, recorder::StartOf("/a.B/Long"));
  REQUIRE(recorder::AppendDurably(*streamed.recorder, std::move(start)).ok());
  streamed.Begin();
  streamed.Call("M0");
  REQUIRE(streamed.inbox.Await(1).size() == 1);
  streamed.Kill();
  REQUIRE(streamed.recorder->Flush().ok());
  streamed.Begin();
  recorder::EntryBatch end = streamed.recorder->NewBatch(id);
  end.AddEnd(now, {});
  REQUIRE(recorder::AppendDurably(*streamed.recorder, std::move(end)).ok());
  CHECK(streamed.inbox.Await(2).back() == "a.B/Long call_end");
  CHECK(streamed.inbox.incomplete() == 0);
}

TEST_CASE("receivers come, change and go while the gateway runs, and go on where they were") {
  Streamed streamed;
  streamed.Call("M0");
  EventStreams streams(streamed.directory.store(), std::nullopt, {"1", "here"});
  EventReceiverOptions options;
  options.name = "disk";
  options.kind = EventFileOptions{streamed.directory.path() + "/one.json", 1 << 20, 1};
  REQUIRE(streams.Apply({options}).ok());
  streamed.Call("M1");
  options.kind = EventFileOptions{streamed.directory.path() + "/two.json", 1 << 20, 1};
  const absl::Time give_up = absl::Now() + kLongest;
  while (streams.Numbers().at(0).sent < 1 && absl::Now() < give_up) absl::SleepFor(absl::Milliseconds(5));
  REQUIRE(streams.Apply({options}).ok());
  streamed.Call("M2");
  streams.Stop(absl::Now() + kLongest);
  const std::string one = *recorder::ReadWholeFile(streamed.directory.path() + "/one.json", 1 << 20);
  const std::string two = *recorder::ReadWholeFile(streamed.directory.path() + "/two.json", 1 << 20);
  CHECK(one.find("a.B/M0") == std::string::npos);  // it was there before the receiver
  CHECK(one.find("a.B/M1") != std::string::npos);
  CHECK(two.find("a.B/M1") == std::string::npos);
  CHECK(two.find("a.B/M2") != std::string::npos);
  CHECK(streams.Numbers().empty());
}

}  // namespace sallyport::gateway
