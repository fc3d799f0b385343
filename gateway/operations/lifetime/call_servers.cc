#include "gateway/operations/lifetime/call_servers.h"

#include <utility>

#include "absl/time/clock.h"

namespace sallyport::gateway {
namespace {

// Callers answer a GOAWAY within a round trip; the library gives those that do not 20 s, and then ends their connection
// all the same. Only then calls cannot come that the library would throw away.
constexpr absl::Duration kAskedLong = absl::Seconds(25);
// For connections that were accepted and came up later.
constexpr absl::Duration kAskAgain = absl::Seconds(1);

}  // namespace

CallServers::~CallServers() { Shutdown(absl::InfinitePast()); }

void CallServers::Use(ServedCallers next, Listener& listener) {
  // Nothing is handed to the former one any more when this returns.
  listener.Serve(next.server);
  ForgetGone();
  absl::MutexLock lock(&mutex_);
  std::swap(current_, next);
  if (next.server == nullptr) return;
  former_.push_back({std::move(next), {}, false});
  Former* const former = &former_.back();
  former->thread = std::thread([this, former] { SeeOff(former); });
}

void CallServers::SeeOff(Former* former) {
  CallServer& server = *former->callers.server;
  const absl::Time until = absl::Now() + kAskedLong;
  bool stopping = false;
  while (!stopping && absl::Now() < until && server.AskToGo()) {
    absl::MutexLock lock(&mutex_);
    stopping = mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kAskAgain);
  }
  // Calls of its connections go on for as long as they last; whoever stops the gateway ends them.
  server.Shutdown(absl::InfiniteFuture());
  absl::MutexLock lock(&mutex_);
  former->gone = true;
}

void CallServers::ForgetGone() {
  std::list<Former> gone;
  {
    absl::MutexLock lock(&mutex_);
    for (auto former = former_.begin(); former != former_.end();) {
      const auto next = std::next(former);
      if (former->gone) gone.splice(gone.end(), former_, former);
      former = next;
    }
  }
  for (Former& former : gone) former.thread.join();
}

size_t CallServers::left() const {
  absl::MutexLock lock(&mutex_);
  size_t left = 0;
  for (const Former& former : former_) left += former.gone ? 0 : 1;
  return left;
}

std::vector<std::shared_ptr<CallServer>> CallServers::All() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<CallServer>> servers;
  if (current_.server != nullptr) servers.push_back(current_.server);
  for (const Former& former : former_) servers.push_back(former.callers.server);
  return servers;
}

void CallServers::AskToGo() {
  for (const std::shared_ptr<CallServer>& server : All()) static_cast<void>(server->AskToGo());
}

void CallServers::CutConnections() {
  for (const std::shared_ptr<CallServer>& server : All()) server->CutConnections();
}

void CallServers::Shutdown(absl::Time deadline) {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (current_.server != nullptr) current_.server->Shutdown(deadline);
  // Calls of the others have been ended as those of the current one have.
  std::list<Former> former;
  {
    absl::MutexLock lock(&mutex_);
    const auto gone = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      for (const Former& one : former_) {
        if (!one.gone) return false;
      }
      return true;
    };
    while (!mutex_.AwaitWithTimeout(absl::Condition(&gone), absl::Milliseconds(50))) {
      if (absl::Now() < deadline) continue;
      for (const Former& one : former_) one.callers.server->CutConnections();
    }
    former.swap(former_);
  }
  for (Former& one : former) one.thread.join();
  former.clear();
  ServedCallers last;
  absl::MutexLock lock(&mutex_);
  std::swap(current_, last);
}

}  // namespace sallyport::gateway
