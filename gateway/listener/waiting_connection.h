// A connection between being accepted and being handed to gRPC.
#ifndef SALLYPORT_GATEWAY_LISTENER_WAITING_CONNECTION_H_
#define SALLYPORT_GATEWAY_LISTENER_WAITING_CONNECTION_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/listener/connection_taker.h"
#include "gateway/listener/descriptor.h"
#include "gateway/listener/socket_name.h"

namespace sallyport::gateway {

// Reads what has to come first, never more: the PROXY protocol header, and looks at HTTP/2's preface. For the accepting
// thread. Movable.
class WaitingConnection {
 public:
  struct Expects {
    bool proxy_header = false;
    bool preface = false;
  };
  WaitingConnection() = default;
  // `peer` is the other end of the socket.
  WaitingConnection(Descriptor fd, const SocketName& peer, SocketKind kind, Expects expects, absl::Time deadline)
      : fd_(std::move(fd)), peer_(peer), kind_(kind), expects_(expects), deadline_(deadline) {}

  enum class Progress { kWaits, kReady };
  // Reads on until all is there or nothing more has come. An error if it is not what has to come, or the other end has
  // gone: the connection is of no use then.
  absl::StatusOr<Progress> GoOn();

  int fd() const { return fd_.get(); }
  SocketKind kind() const { return kind_; }
  const SocketName& peer() const { return peer_; }
  // The caller that a trusted proxy named; nothing if there is no proxy, or it stands for nobody but itself.
  const std::optional<SocketName>& caller() const { return caller_; }
  bool through_proxy() const { return expects_.proxy_header; }
  absl::Time deadline() const { return deadline_; }
  // All is there, but a connection of the same peer is not gone yet.
  bool awaits_turn = false;

  // Whoever calls this closes it.
  int Release() { return fd_.Release(); }

 private:
  absl::StatusOr<Progress> ReadProxyHeader();
  absl::StatusOr<Progress> LookAtPreface() const;

  Descriptor fd_;
  SocketName peer_;
  SocketKind kind_ = SocketKind::kTcp;
  Expects expects_;
  absl::Time deadline_;
  std::string header_;
  bool header_read_ = false;
  std::optional<SocketName> caller_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_WAITING_CONNECTION_H_
