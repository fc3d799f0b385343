// The gateway's own answers to grpc.health.v1.Health.
#ifndef SALLYPORT_GATEWAY_HEALTH_HEALTH_SERVICE_H_
#define SALLYPORT_GATEWAY_HEALTH_HEALTH_SERVICE_H_

#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/generic/async_generic_service.h>

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "gateway/relay/call_rules.h"
#include "gateway/relay/own/own_services.h"

namespace sallyport::gateway {

class HealthProbe;

// Answers calls that come in through the in-process upstream. For the empty service it says whether the gateway itself
// is ready, and tells those that watch when that changes; for a service by name it asks the upstream that routes lead
// to and passes its answers on. A service that no route leads to is NOT_FOUND, or SERVICE_UNKNOWN to those that watch.
// Thread-safe; outlives the calls.
class HealthService final : public OwnService {
 public:
  // `ready` says why the gateway cannot serve; it is asked by every call, and once a second while somebody watches.
  // `open`: whoever connects may ask.
  HealthService(const CurrentRules* rules, bool open, std::function<absl::Status()> ready);
  ~HealthService() override;
  HealthService(const HealthService&) = delete;
  HealthService& operator=(const HealthService&) = delete;

  static constexpr char kServiceName[] = "grpc.health.v1.Health";

  // Adds what the service looks like.
  static void AddOwnFile(google::protobuf::FileDescriptorSet& files);

  bool Answers(std::string_view path) const override;
  bool open() const override { return open_.load(std::memory_order_relaxed); }
  // From now on.
  void SetOpen(bool open) { open_.store(open, std::memory_order_relaxed); }
  grpc::ServerGenericBidiReactor* Answer(grpc::GenericCallbackServerContext* context, OwnCaller caller) override;

  // From now on the gateway is not serving, and `ready` is not asked any more. Those that watch hear so, and their
  // calls end.
  void Drain();
  // As before; watches that have ended stay so.
  void Resume();

 private:
  friend class HealthProbe;

  bool Serving();
  bool Draining();
  // From Add until Remove the watch is told of changes.
  void Add(HealthProbe* watch);
  void Remove(HealthProbe* watch);
  // What the thread does that looks for changes.
  void Run();
  void TellWatches();

  const CurrentRules* const rules_;
  std::atomic<bool> open_;
  absl::Mutex ready_mutex_;
  const std::function<absl::Status()> ready_;  // asked under the lock
  bool draining_ ABSL_GUARDED_BY(ready_mutex_) = false;
  absl::Mutex mutex_;
  std::set<HealthProbe*> watches_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread teller_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_HEALTH_HEALTH_SERVICE_H_
