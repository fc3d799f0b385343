#include "gateway/operations/log/line_writer.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <deque>
#include <string_view>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"

namespace sallyport::gateway {
namespace {

// How often it is looked whether the end has come while nobody reads.
constexpr int kPollMs = 50;

}  // namespace

struct LineWriter::Shared {
  Shared(int descriptor, Options options, DroppedLine dropped_line)
      : descriptor(descriptor), options(options), dropped_line(std::move(dropped_line)) {}

  // The next lines, once there are some; false at the end.
  bool Take(std::string* lines, size_t* count);
  // Whether what is left may still be written.
  bool InTime() {
    absl::MutexLock lock(&mutex);
    return absl::Now() < deadline;
  }
  bool WriteAll(std::string_view text);

  const int descriptor;
  const Options options;
  const DroppedLine dropped_line;
  absl::Mutex mutex;
  std::deque<std::string> waiting ABSL_GUARDED_BY(mutex);
  size_t bytes ABSL_GUARDED_BY(mutex) = 0;  // of them
  uint64_t dropped ABSL_GUARDED_BY(mutex) = 0;
  uint64_t dropped_untold ABSL_GUARDED_BY(mutex) = 0;
  bool closing ABSL_GUARDED_BY(mutex) = false;
  bool over ABSL_GUARDED_BY(mutex) = false;  // the thread is at its end
  absl::Time deadline ABSL_GUARDED_BY(mutex) = absl::InfiniteFuture();
};

bool LineWriter::Shared::Take(std::string* lines, size_t* count) {
  lines->clear();
  absl::MutexLock lock(&mutex);
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return closing || !waiting.empty(); };
  mutex.Await(absl::Condition(&ready));
  *count = waiting.size();
  if (waiting.empty() && dropped_untold == 0) return false;
  for (const std::string& line : waiting) lines->append(line);
  // Where they would have been: behind those that were there before.
  if (dropped_untold > 0) lines->append(dropped_line(std::exchange(dropped_untold, 0)));
  waiting.clear();
  bytes = 0;
  return true;
}

bool LineWriter::Shared::WriteAll(std::string_view text) {
  while (!text.empty()) {
    pollfd ready = {descriptor, POLLOUT, 0};
    const int polled = poll(&ready, 1, kPollMs);
    if (polled < 0 && errno != EINTR) return false;
    if (!InTime()) return false;
    if (polled <= 0) continue;
    // A pipe that is ready takes so much without waiting. The descriptor is shared with others, who may not expect it
    // to be made one that never waits.
    const ssize_t written = write(descriptor, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
    if (written < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return false;
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

LineWriter::LineWriter(int descriptor, Options options, DroppedLine dropped_line)
    : shared_(std::make_shared<Shared>(descriptor, options, std::move(dropped_line))),
      thread_([shared = shared_] { Run(shared); }) {}

LineWriter::~LineWriter() { Close(); }

void LineWriter::Run(const std::shared_ptr<Shared>& shared) {
  std::string lines;
  size_t count = 0;
  while (shared->Take(&lines, &count)) {
    if (shared->WriteAll(lines)) continue;
    absl::MutexLock lock(&shared->mutex);
    shared->dropped += count;
  }
  absl::MutexLock lock(&shared->mutex);
  shared->over = true;
}

void LineWriter::Write(std::string line) {
  absl::MutexLock lock(&shared_->mutex);
  if (shared_->closing || shared_->bytes + line.size() > shared_->options.most_bytes) {
    ++shared_->dropped;
    // At the end there is nobody to tell.
    if (!shared_->closing) ++shared_->dropped_untold;
    return;
  }
  shared_->bytes += line.size();
  shared_->waiting.push_back(std::move(line));
}

void LineWriter::Close() {
  if (!thread_.joinable()) return;
  bool over = false;
  {
    absl::MutexLock lock(&shared_->mutex);
    shared_->closing = true;
    shared_->deadline = absl::Now() + shared_->options.last_words;
    // Somewhat longer, for who looks at the time now and then.
    over = shared_->mutex.AwaitWithTimeout(absl::Condition(&shared_->over),
                                           shared_->options.last_words + absl::Milliseconds(4 * kPollMs));
  }
  if (over) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

uint64_t LineWriter::dropped() const {
  absl::MutexLock lock(&shared_->mutex);
  return shared_->dropped;
}

}  // namespace sallyport::gateway
