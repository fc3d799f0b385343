// Times and durations of messages.
#ifndef SALLYPORT_REPLAY_VIEW_PROTO_TIME_H_
#define SALLYPORT_REPLAY_VIEW_PROTO_TIME_H_

#include <cstdint>

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace sallyport::replay {

// To the nanosecond; what is less is cut off.
inline void SetTime(absl::Time time, google::protobuf::Timestamp* timestamp) {
  const int64_t seconds = absl::ToUnixSeconds(time);  // rounds down
  timestamp->set_seconds(seconds);
  timestamp->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}
inline void SetDuration(absl::Duration duration, google::protobuf::Duration* message) {
  absl::Duration rest;
  message->set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  message->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
}
// Records count whole nanoseconds without a sign.
inline void SetDuration(uint64_t nanoseconds, google::protobuf::Duration* message) {
  message->set_seconds(static_cast<int64_t>(nanoseconds / 1'000'000'000));
  message->set_nanos(static_cast<int32_t>(nanoseconds % 1'000'000'000));
}

inline absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}
inline absl::Duration ToDuration(const google::protobuf::Duration& message) {
  return absl::Seconds(message.seconds()) + absl::Nanoseconds(message.nanos());
}

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_PROTO_TIME_H_
