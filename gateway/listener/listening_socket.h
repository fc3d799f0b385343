// Sockets that callers connect to.
#ifndef SALLYPORT_GATEWAY_LISTENER_LISTENING_SOCKET_H_
#define SALLYPORT_GATEWAY_LISTENER_LISTENING_SOCKET_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/listener/descriptor.h"
#include "gateway/listener/socket_name.h"

namespace sallyport::gateway {

// The name that `listen.addresses` gives to whatever sockets the process was started with.
inline constexpr char kInherited[] = "inherited";

// One socket that listens, not blocking, not inherited by children. Movable. A UNIX socket that was made here takes its
// path away when destroyed, if the path still leads to it.
class ListeningSocket {
 public:
  ListeningSocket() = default;
  ListeningSocket(ListeningSocket&&) = default;
  ListeningSocket& operator=(ListeningSocket&&) = default;
  ~ListeningSocket();

  // UNAVAILABLE says what is wrong, and `*error` is the system's number for it, 0 if it has none.
  static absl::StatusOr<ListeningSocket> Open(const SocketName& address, int* error);
  // One that listens already.
  static absl::StatusOr<ListeningSocket> Adopt(Descriptor socket);
  // Likewise, of a process that hands over to this one. The path of a UNIX socket becomes this one's if its lock is
  // among `locks`, which it is then taken out of.
  static absl::StatusOr<ListeningSocket> Adopt(Descriptor socket, std::vector<Descriptor>& locks);

  int fd() const { return socket_.get(); }
  const SocketName& address() const { return address_; }
  // Of the path of a UNIX socket; -1 if there is none.
  int lock_fd() const { return lock_.get(); }
  // Another process listens on it by now: the path stays when this one is destroyed.
  void LeavePath() { inode_ = 0; }

 private:
  absl::Status TakePath();

  Descriptor socket_;
  SocketName address_;
  Descriptor lock_;  // of a UNIX socket's path
  ino_t inode_ = 0;  // of the path
};

// Sockets for what `address` stands for (ResolveListenAddress): one for each of its addresses that this machine has,
// all of one port, where port 0 takes a free one. "0.0.0.0" and "[::]" both mean IPv4 and IPv6. A socket of `inherited`
// with the very address is taken instead of a new one; kInherited takes all that are left, of which there must be one.
//
// A port that somebody listens on is an error, and so is the path of a UNIX socket that somebody answers on, or holds
// the lock of (a file beside it, `<path>.lock`, which stays). A socket that nobody answers on any more is replaced; any
// other file is an error. Errors say which address and what is wrong: INVALID_ARGUMENT or UNAVAILABLE.
absl::StatusOr<std::vector<ListeningSocket>> ListenOn(const std::string& address, std::vector<Descriptor>& inherited);

// What the process was started with, as sd_listen_fds(3) says: LISTEN_PID names this process and LISTEN_FDS says how
// many, from descriptor 3 on. Takes both out of the environment, so call it once, before there are threads.
std::vector<Descriptor> InheritedSockets();

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_LISTENING_SOCKET_H_
