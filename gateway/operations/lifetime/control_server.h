// How a running gateway is spoken to by programs of the same user.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_CONTROL_SERVER_H_
#define SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_CONTROL_SERVER_H_

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "gateway/listener/listener.h"
#include "recorder/control/control_socket.h"
#include "sallyport/v1/control.pb.h"

namespace sallyport::gateway {

// Answers over the socket in the data directory, on a thread of its own, from Start until it is destroyed. What only
// the main thread may do, it is asked to by `wake`, and does when it gets round to it.
class ControlServer {
 public:
  struct Handlers {
    // On the server's thread.
    std::function<v1::ControlAnswer(const std::string& path)> check;
    std::function<absl::StatusOr<std::vector<HandedSockets>>()> hand_out;
    // Something waits for the main thread. Must not block.
    std::function<void()> wake;
  };

  // Errors are those of ControlSocket::Listen.
  static absl::StatusOr<std::unique_ptr<ControlServer>> Start(const std::string& data_directory, Handlers handlers);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // For the main thread. Whether somebody waits for the configuration to be read again; then Reloaded says how it was.
  bool reload_wanted() const { return reload_wanted_; }
  void Reloaded(const v1::ControlAnswer& answer);
  // Whether another process has the listening sockets, and says that it is ready to serve in place of this one; true
  // until it is gone, which is when it has failed, for it waits for this one's end. Thread-safe.
  bool being_taken_over() const { return taker_ready_; }

 private:
  struct Peer {
    recorder::ControlConnection connection;
    bool waits_for_reload = false;
    bool has_sockets = false;
    bool ready = false;
  };

  ControlServer(recorder::ControlSocket socket, Handlers handlers);
  void Run();
  // False if the peer is done with.
  bool Answer(Peer& peer);
  bool HandOut(Peer& peer);

  recorder::ControlSocket socket_;
  const Handlers handlers_;
  const int wake_;  // an eventfd
  std::atomic<bool> reload_wanted_{false};
  std::atomic<bool> taker_ready_{false};
  std::atomic<bool> stopping_{false};
  absl::Mutex mutex_;
  std::list<Peer> peers_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_CONTROL_SERVER_H_
