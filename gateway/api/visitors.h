// Who is at the other end of a call of the services.
#ifndef SALLYPORT_GATEWAY_API_VISITORS_H_
#define SALLYPORT_GATEWAY_API_VISITORS_H_

#include <grpcpp/server_context.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/api/api_backend.h"

namespace sallyport::gateway {

// Knows who was announced, and whose processes the connections over the UNIX socket belong to: the system says that,
// and nothing that a caller sends. Thread-safe.
class Visitors {
 public:
  static constexpr absl::Duration kAnnouncedFor = absl::Seconds(10);
  static constexpr size_t kMostAnnounced = 8192;

  // `socket`: the path of the UNIX socket, for the record.
  explicit Visitors(std::string socket) : socket_(std::move(socket)) {}

  // ApiBackend::Announce.
  std::string Announce(ApiVisitor visitor, absl::Time now);

  // Whether the process at the other end of a connection over the UNIX socket may come in: it runs as the gateway does,
  // or as root. From then on the peer "fd:N" is known.
  bool TakeLocal(int fd);

  // INVALID_ARGUMENT or UNAUTHENTICATED if what comes with the call can't be right.
  absl::StatusOr<ApiVisitor> Of(const grpc::CallbackServerContext& context, absl::Time now);

 private:
  struct Announced {
    ApiVisitor visitor;
    absl::Time until;
  };

  absl::StatusOr<ApiVisitor> TakeAnnounced(const std::string& name, absl::Time now);
  absl::StatusOr<ApiVisitor> LocalOne(const std::string& peer);

  const std::string socket_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Announced> announced_ ABSL_GUARDED_BY(mutex_);
  // Users by descriptor; those that are closed stay until their number is used again.
  absl::flat_hash_map<std::string, std::shared_ptr<const ProvedIdentity>> local_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_VISITORS_H_
