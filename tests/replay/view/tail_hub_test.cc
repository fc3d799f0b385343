// Many who follow one log.
#include "replay/view/tail_hub.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/replay/view/reader_fixture.h"

namespace sallyport::replay {
namespace {

constexpr std::chrono::minutes kLongest(2);

// One who listens, and takes what comes where it is waited for.
class Ear {
 public:
  Ear(TailHub& hub, const ReaderRights& rights,
      v1::TailCallsRequest::Detail detail = v1::TailCallsRequest::DETAIL_CALLS, const std::string& method = "") {
    v1::TailCallsRequest request;
    request.set_detail(detail);
    request.mutable_filter()->set_method(method);
    auto listening = hub.Listen(request, rights, [this] {
      const std::lock_guard lock(mutex_);
      ready_ = true;
      changed_.notify_all();
    });
    REQUIRE(listening.ok());
    listening_ = *std::move(listening);
  }

  // Takes until it has heard of so many ends, or beginnings.
  void AwaitEnds(size_t ends) {
    Await([&] { return ends_ >= ends; });
  }
  void AwaitCalls(size_t calls) {
    Await([&] { return calls_.size() >= calls; });
  }
  void Take() {
    while (const auto said = listening_->Next()) Hear(*said);
  }

  TailHub::Listening& listening() { return *listening_; }
  const std::vector<std::string>& calls() const { return calls_; }  // that began
  const std::string& all() const { return all_; }
  size_t events() const { return events_; }
  uint64_t skipped() const { return skipped_; }
  bool caught_up() const { return caught_up_; }

 private:
  template <typename Condition>
  void Await(Condition condition) {
    while (true) {
      Take();
      if (condition()) return;
      std::unique_lock lock(mutex_);
      REQUIRE(changed_.wait_for(lock, kLongest, [&] { return ready_; }));
      ready_ = false;
    }
  }
  void Hear(const v1::TailCallsResponse& said) {
    if (all_.empty()) CHECK(said.has_following());
    absl::StrAppend(&all_, said.ShortDebugString());
    skipped_ += said.skipped();
    caught_up_ |= said.has_caught_up();
    if (!said.has_event()) return;
    ++events_;
    if (said.event().event().has_beginning()) calls_.push_back(said.event().event().call());
    if (said.event().event().has_end()) ++ends_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;
  std::vector<std::string> calls_;
  std::string all_;
  size_t events_ = 0;
  size_t ends_ = 0;
  uint64_t skipped_ = 0;
  bool caught_up_ = false;
  std::unique_ptr<TailHub::Listening> listening_;  // last: it ends before what it calls
};

TEST_CASE("each listener hears of the calls that it may see and asks for, from when it came") {
  ShopStore store;
  AddCall(store, absl::Seconds(0), {});
  TailHub hub(OpenStore(store));
  Ear everything(hub, Auditor());
  Ear of_bob(hub, OwnCalls("bob"));
  Ear of_pay(hub, Auditor(), v1::TailCallsRequest::DETAIL_EVENTS, "pay.*");
  Ear of_nothing(hub, ReaderRights());
  std::vector<std::string> all;
  std::vector<std::string> bobs;
  std::vector<std::string> pays;
  for (int i = 0; i < 12; ++i) {
    const MadeOf made = {.subject = i % 3 == 0 ? "bob" : "alice",
                         .method = i % 2 == 0 ? "/pay.Pay/Charge" : "/shop.Orders/Get"};
    all.push_back(recorder::FormatId(AddCall(store, absl::Seconds(i + 1), made)));
    if (i % 3 == 0) bobs.push_back(all.back());
    if (i % 2 == 0) pays.push_back(all.back());
  }
  everything.AwaitEnds(12);
  of_bob.AwaitEnds(4);
  of_pay.AwaitEnds(6);
  of_nothing.Take();
  CHECK(everything.calls() == all);
  CHECK(of_bob.calls() == bobs);
  CHECK(of_pay.calls() == pays);
  // A frame between beginning and end is an event too, for who wants those.
  CHECK(of_pay.events() == 18);
  CHECK(of_bob.events() == 8);
  CHECK(of_nothing.events() == 0);
  CHECK_FALSE(of_nothing.caught_up());
  CHECK(everything.skipped() == 0);
  CHECK(everything.listening().status().ok());
}

TEST_CASE("who comes while a call goes on hears the rest of it, decoded, and who leaves holds nobody up") {
  ShopStore store;
  const auto opened = OpenStore(store);
  TailHub hub(opened);
  auto early = std::make_unique<Ear>(hub, Auditor());
  const uint64_t id = store.AddOpen(absl::Seconds(0));
  Ear late(hub, Auditor(), v1::TailCallsRequest::DETAIL_MESSAGES);
  early.reset();
  recorder::EntryBatch batch = store.recorder().NewBatch(id);
  batch.AddFrame(ShopTime() + absl::Seconds(1), recorder::Direction::kRequest, 0, false, {kOrder});
  batch.AddEnd(ShopTime() + absl::Seconds(2), {});
  store.Append(std::move(batch));
  late.AwaitEnds(1);
  CHECK(late.calls().empty());
  CHECK(late.events() == 2);
  CHECK(absl::StrContains(late.all(), "4111"));
}

TEST_CASE("what masks hide from one listener is shown to another") {
  ShopStore store;
  TailHub hub(OpenStore(store));
  ReaderRights masked = Investigator({"*"});
  masked.masks = MasksOf(
      "masks:\n - {name: card, fields: [shop.Order.card_number], text: HIDDEN, views: [reader], readers: {roles: "
      "[investigator]}}\n");
  ReaderRights auditor = Auditor();
  auditor.masks = masked.masks;
  Ear sees_part(hub, masked, v1::TailCallsRequest::DETAIL_MESSAGES);
  Ear sees_all(hub, auditor, v1::TailCallsRequest::DETAIL_MESSAGES);
  const uint64_t open = store.AddOpen(absl::Seconds(0));
  Ear comes_late(hub, masked, v1::TailCallsRequest::DETAIL_MESSAGES);
  recorder::EntryBatch batch = store.recorder().NewBatch(open);
  batch.AddFrame(ShopTime() + absl::Seconds(1), recorder::Direction::kRequest, 0, false, {kOrder});
  batch.AddEnd(ShopTime() + absl::Seconds(2), {});
  store.Append(std::move(batch));
  for (Ear* ear : {&sees_part, &sees_all, &comes_late}) ear->AwaitEnds(1);
  for (const Ear* ear : {&sees_part, &comes_late}) {
    CHECK(absl::StrContains(ear->all(), "HIDDEN"));
    CHECK_FALSE(absl::StrContains(ear->all(), "4111"));
  }
  CHECK(absl::StrContains(sees_all.all(), "4111"));
}

TEST_CASE("who does not keep up is told how much it has missed, and goes on") {
  ShopStore store;
  TailHub hub(OpenStore(store), {.most_queued_bytes = 1});
  Ear slow(hub, Auditor());
  slow.Take();
  // Once it has heard of the last call, all before it was put into the other's queue.
  Ear last(hub, Auditor(), v1::TailCallsRequest::DETAIL_CALLS, "pay.*");
  for (int i = 0; i < 10; ++i) AddCall(store, absl::Seconds(i), {});
  AddCall(store, absl::Minutes(1), {.method = "/pay.Pay/Charge", .ends = false});
  last.AwaitCalls(1);
  slow.Take();
  CHECK(slow.events() == 1);
  CHECK(slow.skipped() == 20);
  const uint64_t next = AddCall(store, absl::Minutes(2), {.ends = false});
  slow.AwaitCalls(2);
  CHECK(slow.calls().back() == recorder::FormatId(next));
  CHECK(slow.skipped() == 20);
}

TEST_CASE("a queue counts what has no room, tells it once all that waits was taken, and goes on") {
  int woken = 0;
  TailQueue queue(100, [&] { ++woken; });
  auto event = std::make_shared<v1::TailCallsResponse>();
  event->mutable_event();
  queue.SayFollowing(true);
  CHECK(queue.Next()->following().written());
  CHECK(queue.Next() == nullptr);
  CHECK(woken == 0);
  queue.Push(event, 60);
  CHECK(woken == 1);
  queue.Push(event, 60);
  // There would be room for this one, but it comes after what was left out.
  queue.Push(event, 10);
  queue.SayCaughtUp();
  CHECK(woken == 1);
  CHECK(queue.Next() == event);
  queue.Push(event, 10);
  CHECK(queue.Next()->skipped() == 3);
  CHECK(queue.Next()->has_caught_up());
  CHECK(queue.Next() == nullptr);
  queue.Push(event, 500);
  CHECK(woken == 2);
  CHECK(queue.Next() == event);
  CHECK(queue.Next() == nullptr);
  queue.SayCaughtUp();
  CHECK(queue.Next()->has_caught_up());
  queue.SayCaughtUp();
  CHECK(queue.Next() == nullptr);
  queue.End(absl::DataLossError("gone"));
  CHECK(woken == 4);
  queue.Push(event, 1);
  CHECK(queue.Next() == nullptr);
  CHECK(absl::IsDataLoss(queue.status()));
  queue.Silence();
  queue.SayFollowing(false);
  CHECK(woken == 4);
}

TEST_CASE("no more listen than there is room for, and there is room again when one has left") {
  ShopStore store;
  TailHub hub(OpenStore(store), {.most_listeners = 2});
  Ear first(hub, Auditor());
  auto second = std::make_unique<Ear>(hub, Auditor());
  CHECK(absl::IsResourceExhausted(hub.Listen({}, Auditor(), [] {}).status()));
  second.reset();
  CHECK(hub.Listen({}, Auditor(), [] {}).ok());
}

TEST_CASE("readers who follow one store share its hub, and each is told of what it may see until it stops") {
  ShopStore store;
  const auto opened = OpenStore(store);
  std::shared_ptr<TailHub> mine = TailHub::Of(opened);
  CHECK(TailHub::Of(opened) == mine);
  const std::weak_ptr<TailHub> hub = mine;
  constexpr size_t kReaders = 12;
  std::mutex mutex;
  std::condition_variable changed;
  size_t following = 0;
  std::vector<std::vector<std::string>> ended(kReaders);
  std::vector<absl::Status> statuses(kReaders, absl::UnknownError("it goes on"));
  const auto await = [&](const std::function<bool()>& condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kLongest, condition);
  };
  const auto follow = [&](const std::stop_token& stop, size_t reader) {
    ReaderSource source(opened, reader % 2 == 0 ? Auditor() : OwnCalls("bob"));
    const absl::Status status = source.TailCalls({}, stop, [&](const v1::TailCallsResponse& said) {
      const std::lock_guard lock(mutex);
      following += said.has_following() ? 1 : 0;
      if (said.event().event().has_end()) ended[reader].push_back(said.event().event().call());
      changed.notify_all();
      return absl::OkStatus();
    });
    const std::lock_guard lock(mutex);
    statuses[reader] = status;
  };
  std::vector<std::jthread> readers;
  for (size_t i = 0; i < kReaders; ++i) readers.emplace_back(follow, i);
  REQUIRE(await([&] { return following >= kReaders; }));
  mine.reset();
  CHECK_FALSE(hub.expired());
  std::vector<std::string> all;
  all.reserve(6);
  for (int i = 0; i < 6; ++i) {
    all.push_back(recorder::FormatId(AddCall(store, absl::Seconds(i), {.subject = i % 3 == 0 ? "bob" : "alice"})));
  }
  REQUIRE(await([&] {
    for (size_t i = 0; i < kReaders; ++i) {
      if (ended[i].size() < (i % 2 == 0 ? 6 : 2)) return false;
    }
    return true;
  }));
  for (std::jthread& reader : readers) reader.request_stop();
  readers.clear();
  for (size_t i = 0; i < kReaders; ++i) {
    CHECK(statuses[i] == absl::OkStatus());
    CHECK(ended[i] == (i % 2 == 0 ? all : std::vector<std::string>{all[0], all[3]}));
  }
  CHECK(hub.expired());
}

}  // namespace
}  // namespace sallyport::replay
