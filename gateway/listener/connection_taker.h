// Where accepted connections go.
#ifndef SALLYPORT_GATEWAY_LISTENER_CONNECTION_TAKER_H_
#define SALLYPORT_GATEWAY_LISTENER_CONNECTION_TAKER_H_

namespace sallyport::gateway {

enum class SocketKind { kTcp, kUnix };

// Serves connections that were accepted elsewhere. Called by one thread at a time. An interface, because who accepts
// knows no gRPC: CallServer, which does, is handed in.
class ConnectionTaker {
 public:
  virtual ~ConnectionTaker() = default;
  // Takes the descriptor over and closes it some day. Does not block.
  virtual void Take(int fd, SocketKind kind) = 0;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_CONNECTION_TAKER_H_
