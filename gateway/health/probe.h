// One call of grpc.health.v1.Health that the gateway answers.
#ifndef SALLYPORT_GATEWAY_HEALTH_PROBE_H_
#define SALLYPORT_GATEWAY_HEALTH_PROBE_H_

#include <grpcpp/client_context.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/synchronization/mutex.h"
#include "gateway/health/health_service.h"
#include "gateway/relay/call_rules.h"
#include "gateway/upstream/upstream.h"
#include "grpc/health/v1/health.pb.h"

namespace sallyport::gateway {

// Reads the question, and either answers it or puts it to an upstream and passes on what that says, message by message.
// On gRPC's threads and the service's. Deletes itself when the caller's side and the upstream's are over.
class HealthProbe final : public grpc::ServerGenericBidiReactor {
 public:
  // `service` outlives it. Begins to read at once.
  HealthProbe(HealthService* service, std::shared_ptr<const CallRules> rules,
              grpc::GenericCallbackServerContext* context);

  // The gateway's own state may have changed. Only for those that watch it.
  void SendStatus();

  void AddReference() { references_.fetch_add(1, std::memory_order_relaxed); }
  void DropReference() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // The upstream's side. Holds a reference from Ask on until it is over.
  class Asker final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    explicit Asker(HealthProbe* owner) : owner_(owner) {}
    void OnReadDone(bool ok) override;
    void OnDone(const grpc::Status& status) override;

   private:
    HealthProbe* const owner_;
  };

  void AnswerAbout(const std::string& service);
  Upstream* FindUpstream(const std::string& service) const;
  void ObtainCredentials();
  void Ask(absl::StatusOr<UpstreamCredentials::Shown> shown);
  void FinishCheck(grpc::health::v1::HealthCheckResponse::ServingStatus status);
  bool watching() const { return context_->method().ends_with("/Watch"); }

  HealthService* const service_;
  const std::shared_ptr<const CallRules> rules_;
  grpc::GenericCallbackServerContext* const context_;
  Upstream* upstream_ = nullptr;  // that is asked
  UpstreamCredentials::Shown credentials_;
  StreamLease lease_;
  grpc::ByteBuffer question_;
  grpc::ByteBuffer answer_;
  grpc::ClientContext client_;
  Asker asker_;

  // Of watches that are answered here.
  absl::Mutex mutex_;
  bool unknown_ = false;  // a service that nobody knows; constant once it is watched
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  int told_ ABSL_GUARDED_BY(mutex_) = -1;

  std::atomic<int> references_{1};
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_HEALTH_PROBE_H_
