// Accepts callers' connections.
#ifndef SALLYPORT_GATEWAY_LISTENER_LISTENER_H_
#define SALLYPORT_GATEWAY_LISTENER_LISTENER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/listener/connection_taker.h"
#include "gateway/listener/connections.h"
#include "gateway/listener/descriptor.h"
#include "gateway/listener/listening_socket.h"
#include "gateway/listener/refusal_log.h"
#include "gateway/listener/waiting_connection.h"
#include "policy/matching/network.h"

namespace sallyport::gateway {

struct ListenerOptions {
  std::vector<std::string> addresses;  // as ListenOn takes them
  // Connections from these begin with a PROXY protocol header, and the caller is whom that names.
  std::vector<policy::Network> trusted_proxies;
  size_t connections = 0;           // at most, in all
  size_t connections_per_peer = 0;  // at most, of one address
  size_t descriptors = 0;           // a connection whose descriptor would be this number or more is not taken
  absl::Duration handshake;         // for what comes before gRPC takes over, and as long again for gRPC
  // gRPC calls the peers of UNIX sockets "fd:N" (CallServer).
  bool unix_by_descriptor = true;
};

// What is listened on for one element of `listen.addresses`, on its way to another process.
struct HandedSockets {
  std::string text;
  std::vector<Descriptor> sockets;
  std::vector<Descriptor> locks;  // of the paths of UNIX sockets
};

// Listens, accepts on one thread of its own, and hands each connection to whoever serves at present. Where the process
// runs out of descriptors it stops accepting for a moment and tries again, and callers wait in the socket's queue. What
// is beyond a limit is closed at once. One thread starts, serves and stops it; the rest is thread-safe.
class Listener {
 public:
  // Listens; nothing is accepted before Serve. Sockets of `inherited` are used where addresses ask for them, and any
  // that nothing asks for is an error. Errors say which address and what is wrong.
  static absl::StatusOr<std::unique_ptr<Listener>> Open(const ListenerOptions& options,
                                                        std::vector<Descriptor> inherited);
  // Likewise, in place of another process: what that has handed over is listened on where an address asks for it, and
  // closed where none does.
  static absl::StatusOr<std::unique_ptr<Listener>> TakeOver(const ListenerOptions& options,
                                                            std::vector<HandedSockets> handed);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // What is listened on, with real ports in place of port 0. By the thread that starts it.
  const std::vector<std::string>& addresses() const { return addresses_; }

  // Other options, with the sockets that they need and that there are not yet. Nothing changes before Change, and
  // nothing at all if it is dropped. Errors as of Open. By the thread that starts it.
  struct Next {
    ListenerOptions options;
    std::map<std::string, std::vector<ListeningSocket>> opened;
  };
  absl::StatusOr<Next> Prepare(const ListenerOptions& options) const;
  // Goes on by those. Connections that are there stay; what waits in the queue of a socket that goes is accepted
  // first. By the thread that starts it.
  void Change(Next next);

  // Copies of all that is listened on. UNAVAILABLE once it has stopped, or where there are no descriptors left.
  absl::StatusOr<std::vector<HandedSockets>> HandOut();
  const Connections& connections() const { return connections_; }

  // From now on connections go to `taker`, in place of another: when this returns, nothing is handed to that any more.
  void Serve(std::shared_ptr<ConnectionTaker> taker);

  // Accepts nothing more, until Resume. Where another process accepts from the same sockets the queue is left to that
  // one; else what is in it is accepted, and the sockets are closed. What was accepted is still handed over.
  enum class Queue { kTake, kLeave };
  void Pause(Queue queue);
  // After kLeave.
  void Resume();
  // Connections that are open, those that are not handed over yet included; looks anew.
  size_t Remaining();

  // Accepts nothing more and closes what is not handed over yet. Connections that are, stay.
  void Stop();

  // Connections that were closed for a limit or for what came first, since the start.
  uint64_t refused() const { return refusals_.count(); }

  // Why callers cannot connect; OK while they can.
  absl::Status Accepting() const;

 private:
  explicit Listener(const ListenerOptions& options);
  // Runs `task` on the accepting thread, or where there is none on this one, and waits for it. False if it was not run,
  // since the listener has stopped.
  bool Do(absl::FunctionRef<void()> task);
  void RunTask();
  absl::StatusOr<std::vector<ListeningSocket>> OpenOne(const std::string& text,
                                                       std::vector<Descriptor>& inherited) const;
  void Add(const std::string& text, std::vector<ListeningSocket> sockets);
  void Empty(const ListeningSocket& socket);
  void Run();
  void OnEvent(uint64_t tag);
  void Watch(int operation, int fd, uint32_t events, uint64_t tag);
  // False once nothing waits.
  bool Accept(const ListeningSocket& socket);
  void OnAccepted(Descriptor fd, const SocketName& peer, const ListeningSocket& socket);
  // Where it is with what comes first; may end it or hand it over.
  void GoOn(int fd);
  void HandOver(int fd);
  void Drop(int fd);
  void OnTime(absl::Time now);
  absl::Duration NextTime(absl::Time now) const;
  void PauseFor(int error, absl::Time now);
  // Unless one was just made. True if there was anything to let go of.
  bool SweepNow();
  bool Trusted(const SocketName& peer) const;

  struct Listened {
    std::string text;  // of the address that it is for
    ListeningSocket socket;
  };
  std::vector<std::string> addresses_;
  Descriptor epoll_;
  Descriptor wake_;
  Connections connections_;
  std::thread thread_;

  mutable absl::Mutex mutex_;
  // Used under the lock, which is the accepting thread's but for a moment, so that a change is complete when made.
  std::shared_ptr<ConnectionTaker> taker_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = true;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;  // the accepting thread has
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;
  absl::FunctionRef<void()>* task_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::string pause_reason_ ABSL_GUARDED_BY(mutex_);

  // One task at a time.
  absl::Mutex tasks_mutex_;

  // Of the accepting thread, once there is one.
  ListenerOptions options_;
  bool left_ = false;                     // to another process, by Pause
  std::map<uint64_t, Listened> sockets_;  // by number
  uint64_t last_socket_ = 0;
  absl::flat_hash_map<int, WaitingConnection> waiting_;  // by descriptor
  RefusalLog refusals_;
  absl::Time paused_until_ = absl::InfinitePast();
  absl::Time swept_ = absl::InfinitePast();
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_LISTENER_H_
