// Whether the connection of a call that was cut is still there.
#ifndef SALLYPORT_GATEWAY_RELAY_CALLER_CONNECTION_H_
#define SALLYPORT_GATEWAY_RELAY_CALLER_CONNECTION_H_

#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace sallyport::gateway {

enum class ConnectionState {
  kUnknown,
  kThere,   // the peer has it open, and was heard of just now
  kClosed,  // by the peer, by the library, or broken
  kSilent,  // open, and nothing has come from the peer for a while
};

// What the kernel says of a connected TCP or UNIX socket. To be asked when the library reports that a call was
// cancelled, which is all it reports: that a caller took its call back, that its connection broke and that it no longer
// answers pings look the same. The socket tells them apart. A cancel is a frame that has just come over an open
// connection; the end of a connection is in the socket before the library can have read of it; and where pings go
// unanswered, nothing has come for at least as long as the answer may take (a second or more).
//
// Who cancels and closes the connection at once may be taken for one whose connection broke: it has. On UNIX sockets
// there is no time of the last byte, and a peer that is silent is kThere.
ConnectionState StateOfConnection(int socket);

// Finds the sockets of callers' connections, which the library keeps to itself, among this process's descriptors. It
// keeps what one look at all of them has shown: a socket stays open as long as a call of its connection is, so a peer
// that was not there when a call was already open is gone. Looking takes at most a twentieth of one core's time,
// however many calls are cut; what it cannot find out within that is unknown. Thread-safe.
class CallerSockets {
 public:
  // Of the connection of a call that began at `start`. `peer` as gRPC writes it, "ipv4:…" or "ipv6:…"; of others
  // nothing is known.
  ConnectionState StateOf(const std::string& peer, absl::Time start);

 private:
  static constexpr int kSeveral = -2;
  void Look() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, int> sockets_ ABSL_GUARDED_BY(mutex_);  // by address and port; or kSeveral
  absl::Time looked_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time next_look_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

// The address and port of what gRPC calls "ipv4:1.2.3.4:5" or "ipv6:%5B::1%5D:5", in a form to compare; nothing if it
// is neither. For tests, too.
std::optional<std::string> AddressOfPeer(const std::string& peer);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_CALLER_CONNECTION_H_
