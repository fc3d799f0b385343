// What a replayed call got.
#ifndef SALLYPORT_REPLAY_REPLAYER_REPLAYED_RESPONSE_H_
#define SALLYPORT_REPLAY_REPLAYER_REPLAYED_RESPONSE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "protos/message_encoding.h"
#include "replay/replayer/outgoing_metadata.h"
#include "replay/replayer/recorded_call.h"

namespace sallyport::replay {

// A value.
struct ReplayedResponse {
  bool headers_came = false;  // false where status and trailers came alone
  std::vector<MetadataPair> headers;
  MessageEncoding encoding = MessageEncoding::kIdentity;  // of the frames that are compressed
  std::vector<CallFrame> frames;                          // the first ones; see frame_count
  uint64_t frame_count = 0;
  int status_code = 0;
  std::string status_message;
  std::vector<MetadataPair> trailers;  // `grpc-status-details-bin` among them
  absl::Duration duration;
  // What could not be done as recorded, such as "ended before request frame 2 could be sent".
  std::vector<std::string> notes;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_REPLAYER_REPLAYED_RESPONSE_H_
