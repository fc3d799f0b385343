// The service sallyport.v1.Operations.
#ifndef SALLYPORT_GATEWAY_API_OPERATIONS_SERVICE_H_
#define SALLYPORT_GATEWAY_API_OPERATIONS_SERVICE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gateway/api/api_calls.h"
#include "recorder/keys/key_source.h"
#include "sallyport/v1/config.pb.h"
#include "sallyport/v1/operations.grpc.pb.h"

namespace sallyport::gateway {

// How the services learn what only the gateway knows. All are thread-safe, and none waits for a call to end.
struct OperationsHooks {
  std::string data_directory;
  std::optional<recorder::KeySource> keys;
  std::string version;  // of the program
  absl::Time started;
  std::function<absl::Status()> ready;                                        // why it takes no calls
  std::function<uint64_t()> calls_open;                                       // recorded ones
  std::function<v1::Config()> configuration;                                  // that is in force
  std::function<std::string()> configuration_file;                            // empty for none
  std::function<std::vector<std::string>()> warnings;                         // settings that mean nothing
  std::function<std::string()> policy_file;                                   // empty for none
  std::function<std::vector<std::pair<std::string, absl::Time>>()> policies;  // versions, the newest first
};

// For operators, and holds for auditors too. What it changes it changes as the command line does, with the same locks.
// Thread-safe.
class OperationsService final : public v1::Operations::CallbackService {
 public:
  // `calls` outlives it.
  OperationsService(ApiCalls* calls, OperationsHooks hooks) : calls_(calls), hooks_(std::move(hooks)) {}

  grpc::ServerUnaryReactor* GetHealth(grpc::CallbackServerContext* context, const v1::GetHealthRequest* request,
                                      v1::GetHealthResponse* response) override;
  grpc::ServerUnaryReactor* GetConfiguration(grpc::CallbackServerContext* context,
                                             const v1::GetConfigurationRequest* request,
                                             v1::GetConfigurationResponse* response) override;
  grpc::ServerUnaryReactor* ListLegalHolds(grpc::CallbackServerContext* context,
                                           const v1::ListLegalHoldsRequest* request,
                                           v1::ListLegalHoldsResponse* response) override;
  grpc::ServerUnaryReactor* PlaceLegalHold(grpc::CallbackServerContext* context,
                                           const v1::PlaceLegalHoldRequest* request, v1::LegalHold* response) override;
  grpc::ServerUnaryReactor* ReleaseLegalHold(grpc::CallbackServerContext* context,
                                             const v1::ReleaseLegalHoldRequest* request,
                                             v1::ReleaseLegalHoldResponse* response) override;
  grpc::ServerUnaryReactor* Reload(grpc::CallbackServerContext* context, const v1::ReloadRequest* request,
                                   v1::ReloadResponse* response) override;

 private:
  absl::Status AskToReload(const v1::ReloadRequest& request, v1::ReloadResponse* response) const;

  ApiCalls* const calls_;
  const OperationsHooks hooks_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_OPERATIONS_SERVICE_H_
