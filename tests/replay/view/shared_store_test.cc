// One store, read from many threads while a gateway writes it.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>

#include "absl/time/clock.h"
#include "recorder/format/call_id.h"
#include "recorder/rebuild.h"
#include "replay/view/local_store.h"
#include "replay/view/log_watch.h"
#include "replay/view/reading.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {
namespace {

constexpr absl::Duration kLongest = absl::Minutes(2);

std::shared_ptr<CallStore> Open(const ShopStore& store) {
  auto opened = CallStore::Open(store.data(), std::nullopt);
  REQUIRE(opened.ok());
  return *std::move(opened);
}

// Counts what goes wrong, as assertions belong to the main thread.
class Faults {
 public:
  void Check(const absl::Status& status) {
    if (status.ok()) return;
    const std::lock_guard lock(mutex_);
    first_.Update(status);
  }
  absl::Status first() {
    const std::lock_guard lock(mutex_);
    return first_;
  }

 private:
  std::mutex mutex_;
  absl::Status first_;
};

// Follows in a thread of its own until it goes out of scope.
class Tail {
 public:
  Tail(CallSource& source, const v1::TailCallsRequest& request) {
    thread_ = std::jthread([this, &source, request](std::stop_token stop) {
      const absl::Status status = source.TailCalls(request, stop, [this](const v1::TailCallsResponse& said) {
        const std::lock_guard lock(mutex_);
        said_.push_back(said);
        changed_.notify_all();
        return absl::OkStatus();
      });
      const std::lock_guard lock(mutex_);
      status_ = status;
      ended_ = true;
      changed_.notify_all();
    });
  }

  // False if it has not come to that within the longest time.
  bool Await(const std::function<bool(const std::vector<v1::TailCallsResponse>&)>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, absl::ToChronoSeconds(kLongest), [&] { return condition(said_); });
  }
  bool AwaitEnds(size_t ends) {
    return Await([&](const auto& said) {
      return ends == static_cast<size_t>(std::count_if(said.begin(), said.end(),
                                                       [](const auto& one) { return one.event().event().has_end(); }));
    });
  }
  absl::Status Stop() {
    thread_.request_stop();
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, absl::ToChronoSeconds(kLongest), [&] { return ended_; })) {
      return absl::DeadlineExceededError("it goes on");
    }
    return status_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<v1::TailCallsResponse> said_;
  absl::Status status_;
  bool ended_ = false;
  std::jthread thread_;  // last, so that it starts with everything else in place
};

TEST_CASE("many threads read one store while a gateway writes it, and each sees calls whole") {
  constexpr int kReaders = 6;
  constexpr int kCalls = 40;
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  LocalStore source(Open(store));
  std::atomic<bool> written = false;
  Faults faults;
  std::atomic<int> read = 0;
  std::vector<std::thread> readers;
  const auto read_all = [&] {
    const auto listed = ForEachCall(source, {}, 0, [&](const v1::CallSummary& call) {
      int frames = 0;
      v1::ReadCallRequest request;
      request.set_call(call.id());
      absl::Status status = source.ReadCall(request, [&](v1::Event& event) {
        if (!event.has_frame()) return absl::OkStatus();
        ++frames;
        return event.frame().message().empty() ? absl::InternalError("a frame is not decoded") : absl::OkStatus();
      });
      if (status.ok() && frames != 2) status = absl::InternalError("a call has other frames than it has");
      ++read;
      return status;
    });
    faults.Check(listed.status());
    faults.Check(source.GetGaps({}).status());
    faults.Check(source.SearchSessions({}).status());
  };
  readers.reserve(kReaders);
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      while (!written) read_all();
      read_all();
    });
  }
  for (int i = 1; i < kCalls; ++i) store.AddGet(absl::Seconds(i));
  written = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(faults.first() == absl::OkStatus());
  CHECK(read >= kReaders * kCalls);
}

TEST_CASE("everybody who follows is told every call once, from when they began") {
  constexpr size_t kCalls = 20;
  ShopStore store;
  store.AddGet(absl::ZeroDuration());  // before
  LocalStore source(Open(store));
  Tail first(source, {});
  v1::TailCallsRequest request;
  request.mutable_filter()->set_method("shop.*");
  request.set_detail(v1::TailCallsRequest::DETAIL_MESSAGES);
  Tail second(source, request);
  const auto following = [](const auto& said) { return !said.empty(); };
  REQUIRE(first.Await(following));
  REQUIRE(second.Await([](const auto& said) { return !said.empty() && said.front().following().written(); }));
  std::set<std::string> ids;
  for (size_t i = 1; i <= kCalls; ++i) {
    ids.insert(store.AddGet(absl::Seconds(i)));
    store.AddFailure(absl::Seconds(i), "/other.Service/Lookup", 5);
  }
  CHECK(first.AwaitEnds(2 * kCalls));
  CHECK(second.AwaitEnds(kCalls));
  CHECK(second.Await([&](const auto& said) {
    std::set<std::string> told;
    size_t messages = 0;
    for (const auto& one : said) {
      if (one.has_event()) told.insert(one.event().event().call());
      if (one.event().event().frame().message() == R"({"card_number":"4111","amount":"42"})") ++messages;
    }
    return told == ids && messages == 2 * kCalls;
  }));
  CHECK(first.Stop() == absl::OkStatus());
  CHECK(second.Stop() == absl::OkStatus());
}

TEST_CASE("readers go over to an index that was put in the place of theirs") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  LocalStore source(Open(store));
  const auto listed = [&] {
    const auto page = source.SearchCalls({});
    REQUIRE(page.ok());
    return page->calls_size();
  };
  REQUIRE(listed() == 1);
  store.Close();
  REQUIRE(recorder::RebuildIndex(store.data(), std::nullopt, [](const auto&) {}).ok());
  store.Reopen();
  store.AddGet(absl::Seconds(1));
  CHECK(listed() == 2);
}

TEST_CASE("who follows is told when the gateway goes and when it is back") {
  ShopStore store;
  LocalStore source(Open(store));
  Tail tail(source, {});
  const auto last_is = [](bool written) {
    return [written](const auto& said) {
      const auto last = std::find_if(said.rbegin(), said.rend(), [](const auto& one) { return one.has_following(); });
      return last != said.rend() && last->following().written() == written;
    };
  };
  REQUIRE(tail.Await(last_is(true)));
  store.Close();
  REQUIRE(tail.Await(last_is(false)));
  store.Reopen();
  REQUIRE(tail.Await(last_is(true)));
  store.AddGet(absl::ZeroDuration());
  CHECK(tail.AwaitEnds(1));
  CHECK(tail.Stop() == absl::OkStatus());
}

TEST_CASE("a watch wakes whoever waits when the log grows, and when they are to stop") {
  ShopStore store;
  const recorder::StoreLayout layout(store.data());
  const LogWatch watch(layout);
  const uint64_t seen = watch.changes();
  std::thread writer([&] { store.AddGet(absl::ZeroDuration()); });
  watch.Await(seen, absl::Now() + kLongest, {});
  CHECK(watch.changes() != seen);
  writer.join();
  // What was being written may come in later; who is told to stop returns all the same.
  std::stop_source stop;
  std::thread stopper([&] { stop.request_stop(); });
  const absl::Time deadline = absl::Now() + kLongest;
  while (!stop.stop_requested() && absl::Now() < deadline) watch.Await(watch.changes(), deadline, stop.get_token());
  CHECK(stop.stop_requested());
  CHECK(absl::Now() < deadline);
  stopper.join();
}

TEST_CASE("an error of who is told ends the following, and is returned") {
  ShopStore store;
  LocalStore source(Open(store));
  const absl::Status full = absl::UnavailableError("the output could not be written");
  CHECK(source.TailCalls({}, {}, [&](const v1::TailCallsResponse&) { return full; }) == full);
}

}  // namespace
}  // namespace sallyport::replay
