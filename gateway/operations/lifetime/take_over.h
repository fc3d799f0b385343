// Taking over from a gateway that runs.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_TAKE_OVER_H_
#define SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_TAKE_OVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gateway/listener/listener.h"
#include "recorder/control/control_socket.h"

namespace sallyport::gateway {

// The new process's side. While it lives, and until it says that it is ready, the other goes on as before; if it is
// destroyed before the other has ended its calls, the other goes on as before, too.
class TakeOver {
 public:
  // Gets the listening sockets of the gateway that holds the directory. NOT_FOUND if there is none, UNAVAILABLE says
  // why it does not hand over.
  static absl::StatusOr<TakeOver> Begin(const std::string& data_directory);

  // Tells the other to end, and waits until it has: then its store is free. CANCELLED if `give_up`, which is asked
  // again and again, says so.
  absl::Status AwaitEnd(const std::function<bool()>& give_up);

  int process() const { return process_; }
  std::vector<HandedSockets> TakeSockets() { return std::move(sockets_); }

 private:
  recorder::ControlConnection other_;
  int process_ = 0;
  std::vector<HandedSockets> sockets_;
};

// Tells the service manager, if one asked to be told (sd_notify(3)): "READY=1". Does nothing otherwise.
void NotifyServiceManager(const std::string& state);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_TAKE_OVER_H_
