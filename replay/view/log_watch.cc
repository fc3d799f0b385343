#include "replay/view/log_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>

namespace sallyport::replay {
namespace {

// Between two looks at a log that changes all the time, and at one of which the kernel says nothing.
constexpr absl::Duration kCloseTogether = absl::Milliseconds(10);
constexpr absl::Duration kUntold = absl::Milliseconds(100);

int WatchDirectory(const std::string& path) {
  const int events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (events < 0) return -1;
  if (inotify_add_watch(events, path.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE) >= 0) return events;
  close(events);
  return -1;
}

}  // namespace

LogWatch::LogWatch(const recorder::StoreLayout& layout)
    : events_(WatchDirectory(layout.LogDirectory())), stopped_(eventfd(0, EFD_CLOEXEC)), thread_([this] { Run(); }) {}

LogWatch::~LogWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  eventfd_write(stopped_, 1);
  thread_.join();
  close(stopped_);
  if (events_ >= 0) close(events_);
}

uint64_t LogWatch::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

void LogWatch::Await(uint64_t seen, absl::Time until, const std::stop_token& stop) const {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, stop, absl::ToChronoTime(until), [&] { return changes_ != seen; });
}

void LogWatch::Run() {
  while (true) {
    events_ < 0 ? Pause(kUntold) : AwaitKernel();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      ++changes_;
    }
    changed_.notify_all();
    if (events_ >= 0) Pause(kCloseTogether);
  }
}

void LogWatch::Pause(absl::Duration most) const {
  pollfd stopped = {stopped_, POLLIN, 0};
  poll(&stopped, 1, static_cast<int>(absl::ToInt64Milliseconds(most)));
}

void LogWatch::AwaitKernel() const {
  std::array<pollfd, 2> files = {pollfd{stopped_, POLLIN, 0}, pollfd{events_, POLLIN, 0}};
  poll(files.data(), files.size(), stopped_ < 0 ? static_cast<int>(absl::ToInt64Milliseconds(kUntold)) : -1);
  // What it was about does not matter.
  alignas(inotify_event) std::array<char, 16 << 10> told;
  while (read(events_, told.data(), told.size()) > 0) {
  }
}

}  // namespace sallyport::replay
