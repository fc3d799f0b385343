// What following a log stands on, whoever is told.
#ifndef SALLYPORT_REPLAY_VIEW_LOG_FOLLOWING_H_
#define SALLYPORT_REPLAY_VIEW_LOG_FOLLOWING_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/record_reader.h"
#include "replay/view/call_store.h"

namespace sallyport::replay {

// That a gateway came or went shows in no file that is watched.
inline constexpr absl::Duration kBetweenLooksForWriter = absl::Milliseconds(500);

// From the present end of the log. It outlives the reader that made it, as the store's keys do.
absl::StatusOr<std::unique_ptr<recorder::LogFollower>> FollowLog(CallStore& store);

// Whether a gateway writes a store. One thread.
class WriterWatch {
 public:
  explicit WriterWatch(const recorder::StoreLayout& layout) : layout_(layout) {}

  // Looks. True the first time, and when it has changed.
  bool Look();
  // What was seen. Where that cannot be known it stays as it was; at first, for one that is written.
  bool written() const { return written_; }

 private:
  const recorder::StoreLayout& layout_;
  bool looked_ = false;
  bool written_ = true;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_LOG_FOLLOWING_H_
