// The service sallyport.v1.Policies.
#ifndef SALLYPORT_GATEWAY_API_POLICIES_SERVICE_H_
#define SALLYPORT_GATEWAY_API_POLICIES_SERVICE_H_

#include "gateway/api/api_calls.h"
#include "gateway/api/operations_service.h"
#include "sallyport/v1/policies.grpc.pb.h"

namespace sallyport::gateway {

// The policy in force, for operators and auditors. Thread-safe.
class PoliciesService final : public v1::Policies::CallbackService {
 public:
  // `calls` outlives it.
  PoliciesService(ApiCalls* calls, OperationsHooks hooks) : calls_(calls), hooks_(std::move(hooks)) {}

  grpc::ServerUnaryReactor* GetPolicy(grpc::CallbackServerContext* context, const v1::GetPolicyRequest* request,
                                      v1::GetPolicyResponse* response) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context, const v1::ExplainRequest* request,
                                    v1::ExplainResponse* response) override;

 private:
  absl::Status Answer(const policy::Policy* in_force, v1::GetPolicyResponse* answer) const;

  ApiCalls* const calls_;
  const OperationsHooks hooks_;
};

// Which rules of the policy decide such a call, and why. INVALID_ARGUMENT names the field.
absl::StatusOr<v1::ExplainResponse> ExplainCall(const policy::Policy& policy, const v1::ExplainRequest& request,
                                                absl::Time now);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_POLICIES_SERVICE_H_
