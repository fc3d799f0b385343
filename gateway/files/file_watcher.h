// Files that are read again when they change.
#ifndef SALLYPORT_GATEWAY_FILES_FILE_WATCHER_H_
#define SALLYPORT_GATEWAY_FILES_FILE_WATCHER_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "recorder/system/private_file.h"

namespace sallyport::gateway {

// One set of files that are read together, and what they looked like before they were last read. Not thread-safe.
class WatchedFiles {
 public:
  // `what` is for logs, such as "the gateway's certificate". What `reload` says must name the file that is wrong.
  WatchedFiles(std::string what, std::vector<std::string> paths, std::function<absl::Status()> reload)
      : what_(std::move(what)), paths_(std::move(paths)), reload_(std::move(reload)) {}

  // The first time, the files are read. Later they are read when one was changed or replaced since they were last read
  // without error, and none has changed since the last look: then whoever writes them is done. Files that cannot be
  // read are tried again at each look; that is logged once, and again when something else is wrong.
  void Look();

 private:
  // One for each file; nullopt for a file that is not there.
  using Versions = std::vector<std::optional<recorder::FileVersion>>;

  std::string what_;
  std::vector<std::string> paths_;
  std::function<absl::Status()> reload_;
  std::optional<Versions> read_;
  std::optional<Versions> seen_;  // at the last look
  std::string complaint_;
};

// Looks at files once every `interval`, on a thread of its own, from its construction to its destruction. What the
// `reload` functions refer to must live longer.
class FileWatcher {
 public:
  FileWatcher(std::vector<WatchedFiles> files, absl::Duration interval);
  ~FileWatcher();
  FileWatcher(const FileWatcher&) = delete;
  FileWatcher& operator=(const FileWatcher&) = delete;

 private:
  void Run();

  std::vector<WatchedFiles> files_;  // the thread's
  const absl::Duration interval_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_FILES_FILE_WATCHER_H_
