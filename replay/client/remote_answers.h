// What a server said, in words for whoever asked it.
#ifndef SALLYPORT_REPLAY_CLIENT_REMOTE_ANSWERS_H_
#define SALLYPORT_REPLAY_CLIENT_REMOTE_ANSWERS_H_

#include <grpcpp/support/status.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace sallyport::replay {

// What was asked.
struct Asked {
  std::string server;
  std::string method;
  std::optional<absl::Duration> patience;
  int most_message_bytes = 0;
};

// The status under the same code. The message names the server, and says what to do where there is something. What the
// server said is escaped and bounded in it.
absl::Status Explained(const grpc::Status& status, const Asked& asked);

// For an answer that is not what it has to be: the status with the server and the method before its message.
absl::Status InAnswer(const absl::Status& status, const std::string& server, const std::string& method);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLIENT_REMOTE_ANSWERS_H_
