#include "replay/view/log_following.h"

#include "recorder/system/file.h"

namespace sallyport::replay {

absl::StatusOr<std::unique_ptr<recorder::LogFollower>> FollowLog(CallStore& store) {
  absl::StatusOr<CallStore::Reader> reader = store.Borrow();
  if (!reader.ok()) return reader.status();
  absl::StatusOr<std::unique_ptr<recorder::LogFollower>> follower = (*reader)->Follow();
  if (!follower.ok()) return reader->Checked(follower.status());
  return follower;
}

bool WriterWatch::Look() {
  const absl::StatusOr<bool> held = recorder::FileLock::IsHeld(layout_.OwnerLock());
  const bool written = held.ok() ? *held : written_;
  if (looked_ && written == written_) return false;
  looked_ = true;
  written_ = written;
  return true;
}

}  // namespace sallyport::replay
