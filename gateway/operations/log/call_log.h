// A line of the log for a call.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_LOG_CALL_LOG_H_
#define SALLYPORT_GATEWAY_OPERATIONS_LOG_CALL_LOG_H_

#include <spdlog/logger.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "gateway/operations/log/log_options.h"

namespace sallyport::gateway {

// What is said of a call that has ended. Texts are as the record shows them, so that what masks hide is hidden here.
struct CallLine {
  std::string id;        // empty where nobody can look the call up
  std::string method;    // "package.Service/Method"
  std::string identity;  // "issuer#subject", "anonymous", or empty where nobody was proved
  std::string peer;
  std::string upstream;  // empty if none
  std::string trace_id;  // in hex; empty if none
  int code = 0;
  std::string status_message;
  const char* ended = "";  // how: "completed", "refused" and so on
  absl::Duration duration;
  uint64_t request_frames = 0;
  uint64_t response_frames = 0;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
};

// Says what the configuration wants said of calls, to the sinks of the process's log as they are when this is made.
// Thread-safe.
class CallLog {
 public:
  explicit CallLog(const LogOptions& options);

  // Whether there is a line of a call that ended with this code.
  bool Wants(int code) const {
    return calls_ == LogOptions::Calls::kAll || (calls_ == LogOptions::Calls::kFailed && code != 0);
  }
  // Texts from outside are escaped, and cut where they are long.
  void Tell(const CallLine& line) const;

 private:
  const bool json_;
  const LogOptions::Calls calls_;
  const std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_LOG_CALL_LOG_H_
