// The services that show the record, and the ways to them but HTTP.
#ifndef SALLYPORT_GATEWAY_API_API_SERVER_H_
#define SALLYPORT_GATEWAY_API_API_SERVER_H_

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "gateway/api/api_backend.h"
#include "gateway/api/api_calls.h"
#include "gateway/api/api_options.h"
#include "gateway/api/audit_service.h"
#include "gateway/api/entrance.h"
#include "gateway/api/looks/look_recorder.h"
#include "gateway/api/operations_service.h"
#include "gateway/api/other_services.h"
#include "gateway/api/policies_service.h"
#include "gateway/api/sources.h"
#include "gateway/api/visitors.h"
#include "gateway/api/work_pool.h"
#include "gateway/listener/connection_taker.h"
#include "gateway/listener/listener.h"
#include "gateway/relay/call_rules.h"
#include "gateway/relay/recording/refusal_flood.h"
#include "gateway/tls/server_tls.h"
#include "recorder/recorder.h"

namespace sallyport::gateway {

// What the services stand on; all of it outlives them.
struct ApiParts {
  recorder::Recorder* recorder = nullptr;
  const CurrentRules* rules = nullptr;
  std::string data_directory;
  std::optional<recorder::KeySource> keys;  // as the recorder was given them
  RefusalLimits refusals;
  OperationsHooks operations;
};

// Serves from Start until it is destroyed: over the UNIX socket `<data directory>/api.sock` (mode 0600, for the
// gateway's own user and root alone), over native gRPC where there is an address, and for whoever is in this process,
// as ApiBackend says. On threads of its own. One thread starts and destroys it; the rest is thread-safe.
class ApiServer final : public ApiBackend {
 public:
  static constexpr char kSocketName[] = "api.sock";
  static constexpr size_t kMostConnections = 1024;
  static constexpr size_t kMostRequestBytes = size_t{1} << 20;

  // Errors say which address cannot be listened on. A socket that cannot be made is no error but logged: the gateway
  // has other things to do.
  static absl::StatusOr<std::unique_ptr<ApiServer>> Start(const ApiOptions& options, const ApiParts& parts);
  ~ApiServer() override;

  std::shared_ptr<grpc::Channel> channel() override { return channel_; }
  std::string Announce(ApiVisitor visitor) override;

  // Where native gRPC is listened on, with the real port; empty for nowhere.
  const std::string& grpc_address() const { return grpc_address_; }
  // The UNIX socket's path; empty where there is none.
  const std::string& socket() const { return socket_; }
  // Null without TLS.
  const std::shared_ptr<ServerTls>& tls() const { return tls_; }
  RefusalCounts refusals() const { return refusals_.counts(); }
  void SetRefusals(const RefusalLimits& limits) { refusals_.SetLimits(limits); }

 private:
  // Hands gRPC connections, and what they are over the UNIX socket.
  class Taker;

  ApiServer(const ApiParts& parts, const std::string& socket, std::unique_ptr<Sources> sources,
            std::shared_ptr<const policy::Descriptors> descriptors);
  absl::Status BuildServer(const ApiOptions& options);
  absl::Status Listen(const ApiOptions& options);

  // Destroyed from the last to the first.
  Visitors visitors_;
  const std::unique_ptr<Sources> sources_;
  RefusalFlood refusals_;
  LookRecorder looks_;
  WorkPool pool_;
  Entrance entrance_;
  ApiCalls calls_;
  AuditService audit_;
  PoliciesService policies_;
  OperationsService operations_;
  ApiHealth health_;
  ApiReflection reflection_;
  std::shared_ptr<ServerTls> tls_;
  std::shared_ptr<Taker> taker_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Listener> listener_;         // of native gRPC; null for none
  std::unique_ptr<Listener> socket_listener_;  // null where there is no socket
  std::string grpc_address_;
  std::string socket_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_API_SERVER_H_
