#include "gateway/files/changed_file.h"

#include <utility>

namespace sallyport::gateway {

ChangedFile::Version ChangedFile::Now() const {
  const absl::StatusOr<recorder::FileVersion> version = recorder::FileVersion::Of(path_);
  return version.ok() ? Version(*version) : std::nullopt;
}

void ChangedFile::Reading() {
  read_ = Now();
  seen_ = read_;
  again_ = absl::InfiniteFuture();
}

bool ChangedFile::Look(absl::Time now) {
  // A clock that was set back must not keep it from looking.
  if (now < next_look_ && next_look_ - now <= kInterval) return false;
  next_look_ = now + kInterval;
  const Version version = Now();
  const bool still = std::exchange(seen_, version) == version;
  return still && (version != read_ || now >= again_);
}

}  // namespace sallyport::gateway
