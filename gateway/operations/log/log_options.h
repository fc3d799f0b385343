// What the configuration says of the log.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_LOG_LOG_OPTIONS_H_
#define SALLYPORT_GATEWAY_OPERATIONS_LOG_LOG_OPTIONS_H_

#include <string>

namespace sallyport::gateway {

struct LogOptions {
  bool json = false;
  enum class Calls { kOff, kFailed, kAll };
  Calls calls = Calls::kOff;  // of which calls there is a line
  std::string level;          // spdlog's name of it; empty if it is not given
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_LOG_LOG_OPTIONS_H_
