#include "gateway/files/file_watcher.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace sallyport::gateway {

void WatchedFiles::Look() {
  // Before they are read: what changes meanwhile is seen the next time.
  Versions versions;
  for (const std::string& path : paths_) {
    absl::StatusOr<recorder::FileVersion> version = recorder::FileVersion::Of(path);
    versions.push_back(version.ok() ? std::optional(*version) : std::nullopt);
  }
  if (versions == read_) {
    complaint_.clear();
    return;
  }
  const bool first = !read_.has_value() && complaint_.empty();
  // A file that is still being written would be read half.
  const bool still = std::exchange(seen_, versions) == versions;
  if (!first && !still) return;
  const absl::Status status = reload_();
  if (status.ok()) {
    read_ = std::move(versions);
    complaint_.clear();
    if (!first) spdlog::info("{} changed and was read again", what_);
    return;
  }
  if (status.message() == complaint_) return;
  complaint_ = std::string(status.message());
  spdlog::error("{} changed and is not in order; what was read before stays in use: {}", what_, complaint_);
}

FileWatcher::FileWatcher(std::vector<WatchedFiles> files, absl::Duration interval)
    : files_(std::move(files)), interval_(interval), thread_([this] { Run(); }) {}

FileWatcher::~FileWatcher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

void FileWatcher::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    for (WatchedFiles& files : files_) files.Look();
    lock.lock();
    stop_.wait_for(lock, absl::ToChronoMilliseconds(interval_), [this] { return stopping_; });
  }
}

}  // namespace sallyport::gateway
