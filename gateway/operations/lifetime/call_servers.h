// The gRPC servers of one gateway, of which one is current.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_CALL_SERVERS_H_
#define SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_CALL_SERVERS_H_

#include <cstddef>
#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/listener/call_server.h"
#include "gateway/listener/listener.h"
#include "gateway/relay/relay_service.h"
#include "gateway/tls/server_tls.h"

namespace sallyport::gateway {

// A server with what it was made of: what gRPC, and the relay, fix for its life.
struct ServedCallers {
  // Destroyed from the last to the first.
  std::shared_ptr<ServerTls> tls;  // null for connections without
  std::unique_ptr<RelayService> service;
  std::shared_ptr<CallServer> server;
};

// When what is fixed for a server's life changes, another takes its place: new connections go there. The callers of the
// one before are asked to go, their calls go on for as long as they last, and it is destroyed when they are over: by a
// thread of its own. One thread uses and stops them.
class CallServers {
 public:
  CallServers() = default;
  ~CallServers();
  CallServers(const CallServers&) = delete;
  CallServers& operator=(const CallServers&) = delete;

  // Connections that `listener` accepts go to `next` from now on.
  void Use(ServedCallers next, Listener& listener);
  // Null before the first.
  CallServer* current() const { return current_.server.get(); }
  // Thread-safe.
  std::shared_ptr<ServerTls> tls() const {
    absl::MutexLock lock(&mutex_);
    return current_.tls;
  }
  // Servers that callers are still to leave.
  size_t left() const;

  // As those of CallServer, for all servers. AskToGo and CutConnections are thread-safe.
  void AskToGo();
  void CutConnections();
  // Returns when no server is left.
  void Shutdown(absl::Time deadline);

 private:
  struct Former {
    ServedCallers callers;
    std::thread thread;
    bool gone = false;
  };

  // Until the callers have left it, or Shutdown.
  void SeeOff(Former* former);
  void ForgetGone();
  std::vector<std::shared_ptr<CallServer>> All() const;

  mutable absl::Mutex mutex_;
  ServedCallers current_;  // written under the lock
  std::list<Former> former_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_CALL_SERVERS_H_
