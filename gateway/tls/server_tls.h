// The gateway's side of TLS.
#ifndef SALLYPORT_GATEWAY_TLS_SERVER_TLS_H_
#define SALLYPORT_GATEWAY_TLS_SERVER_TLS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sallyport::gateway {

struct ServerTlsOptions {
  std::string cert_file;  // PEM: the chain, the gateway's own certificate first
  std::string key_file;   // PEM, without a passphrase
  // PEM: all who may vouch for any caller. A certificate that none of them signed ends the handshake. Nobody is asked
  // for one where there are none.
  std::vector<std::string> client_ca_files;
  enum class Callers { kMustShowOne, kMayShowOne };
  Callers callers = Callers::kMustShowOne;
};

// Server credentials whose files can change under a running server: each handshake uses what was read last, and
// connections that are open go on as they are. TLS 1.2 and up. Must outlive the servers that use its credentials.
// Thread-safe.
class ServerTls {
 public:
  // INVALID_ARGUMENT names the file that is not in order, and says how; others that a file cannot be read.
  static absl::StatusOr<std::unique_ptr<ServerTls>> Create(ServerTlsOptions options);
  ~ServerTls();
  ServerTls(const ServerTls&) = delete;
  ServerTls& operator=(const ServerTls&) = delete;

  // For any number of ports.
  std::shared_ptr<grpc::ServerCredentials> Credentials();

  // Reads the files again. If one is not in order, or key and certificate do not belong together, nothing changes.
  absl::Status Reload();
  // When the first certificate of the chain that is shown expires.
  absl::Time Expires() const;
  // All that Reload reads.
  std::vector<std::string> Files() const;

 private:
  struct Material;
  class Port;
  class PortCredentials;

  explicit ServerTls(ServerTlsOptions options);
  absl::StatusOr<std::shared_ptr<const Material>> Load() const;
  std::shared_ptr<const Material> Current() const;
  int Listen(const std::string& address, grpc_server* server);

  const ServerTlsOptions options_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Material> material_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Port>> ports_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_TLS_SERVER_TLS_H_
