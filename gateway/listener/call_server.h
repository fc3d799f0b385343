// The gRPC server behind the listener.
#ifndef SALLYPORT_GATEWAY_LISTENER_CALL_SERVER_H_
#define SALLYPORT_GATEWAY_LISTENER_CALL_SERVER_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/listener/connection_taker.h"

namespace sallyport::gateway {

// What gRPC fixes for the life of a server. To change it, another server takes the place of the one there is.
struct CallServerOptions {
  size_t metadata_bytes = 0;  // of all metadata of a call in one direction
  uint32_t calls_per_connection = 0;
  // A connection that was silent for `keepalive_time` is asked whether its caller is there, and closed if there is no
  // answer in `keepalive_timeout`.
  absl::Duration keepalive_time;
  absl::Duration keepalive_timeout;
  absl::Duration handshake;  // from the connection to its first SETTINGS frame, TLS included
  // A connection is asked to end (GOAWAY) after so long, give or take a tenth. Calls that are still open so long after
  // that are ended by the relay, at ListenOptions::LongestCall, so that the record says what they were told; what is
  // left then is cut some seconds later. Infinite: never.
  absl::Duration connection_age = absl::InfiniteDuration();
  absl::Duration connection_grace = absl::InfiniteDuration();
};

// Serves connections that it is handed, and has no sockets of its own. Thread-safe; `service` outlives it.
class CallServer final : public ConnectionTaker {
 public:
  // `credentials` are null for connections without TLS. INTERNAL if gRPC cannot make a server.
  static absl::StatusOr<std::unique_ptr<CallServer>> Start(const CallServerOptions& options,
                                                           std::shared_ptr<grpc::ServerCredentials> credentials,
                                                           grpc::CallbackGenericService* service);
  ~CallServer() override;
  CallServer(const CallServer&) = delete;
  CallServer& operator=(const CallServer&) = delete;

  // Not once Shutdown has begun: gRPC would forget the descriptor. Without TLS, gRPC calls the peer of a UNIX socket
  // "fd:" and the descriptor's number, which no two connections share; else what getpeername says.
  void Take(int fd, SocketKind kind) override;

  // Asks the callers of all connections to use another (GOAWAY), without harm to any call: calls that cross that are
  // served, and connections end when theirs have. To be done again for connections that come up meanwhile. False where
  // the library cannot (gateway/operations/lifetime/goaways.h).
  bool AskToGo();
  // Takes no new calls, lets open ones end until `deadline`, and cancels the rest. Returns when all are over.
  void Shutdown(absl::Time deadline);
  // While Shutdown waits: ends every connection, with what calls are left. gRPC waits for callers to answer its GOAWAY.
  void CutConnections();

 private:
  CallServer() = default;

  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  absl::Mutex mutex_;  // for who takes server_ away and who cuts
  std::unique_ptr<grpc::Server> server_;
  bool plaintext_ = false;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_CALL_SERVER_H_
