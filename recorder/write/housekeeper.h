// What a recorder looks after from time to time.
#ifndef SALLYPORT_RECORDER_WRITE_HOUSEKEEPER_H_
#define SALLYPORT_RECORDER_WRITE_HOUSEKEEPER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "recorder/evidence/checkpointer.h"
#include "recorder/index/index_keeper.h"
#include "recorder/keys/store_keys.h"
#include "recorder/log/log_writer.h"
#include "recorder/log/segment_store.h"
#include "recorder/recorder.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// Once a second, on a thread of its own: begins a new segment if the key-encryption key was rotated, has the index
// opened again if it failed, deletes what retention lets go and has disk space taken. However long that takes, blocks
// go on being written: of who writes the log it only asks what has to be done between two of them.
class Housekeeper {
 public:
  // Who writes the log. An interface, as the two would otherwise include each other.
  class Log {
   public:
    virtual ~Log() = default;
    // Does something between two blocks, has disk space taken for what waits and for the ends of calls that are open,
    // and blocks until that is done. An error of the action is one after which the log must not be written any more.
    // Returns why it cannot be, if so.
    virtual absl::Status BetweenBlocks(absl::FunctionRef<absl::Status(LogWriter&)> action) = 0;
  };
  struct Parts {
    LogPlace place;
    FileSystem& files;
    StoreKeys& keys;
    IndexEngine& engine;
    IndexKeeper& index;
    Checkpointer& checkpointer;
    Log& log;
  };
  struct Stats {
    uint64_t rounds = 0;
    absl::Status keys;                      // as RecorderStats::keys
    uint64_t retention_exceeded_bytes = 0;  // likewise
  };

  // All parts must outlive it.
  Housekeeper(const RecorderOptions& options, const Parts& parts);
  // Ends with the round that is under way.
  ~Housekeeper();
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

  Stats stats() const;

 private:
  using Clock = std::chrono::steady_clock;

  void Loop();
  void Round();
  absl::Status FollowRotation();
  // Says it once when the key-encryption key is out of reach, and when it is back.
  void ReportKeys(const absl::Status& status);
  // Deletes what retention lets go. Only failures to write the log are returned.
  absl::Status DeleteOldSegments();
  absl::Status DeleteSegments(const std::vector<uint64_t>& segments);
  // Says it when the log begins, or ceases, to be larger than it may be.
  void ReportSize(uint64_t exceeded_bytes);

  const RecorderOptions options_;
  const Parts parts_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Stats stats_ ABSL_GUARDED_BY(mutex_);

  // Of the thread alone.
  uint64_t current_segment_ = 0;
  Clock::time_point next_deletion_;

  std::thread thread_;  // last, so that it starts with everything else in place
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_WRITE_HOUSEKEEPER_H_
