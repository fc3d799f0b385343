// The gateway's own answers to grpc.health.v1.Health.
#ifndef SALLYPORT_GATEWAY_HEALTH_HEALTH_SERVICE_H_
#define SALLYPORT_GATEWAY_HEALTH_HEALTH_SERVICE_H_

#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/generic/async_generic_service.h>

#include <functional>
#include <memory>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "gateway/relay/rules.h"

namespace sallyport::gateway {

class HealthProbe;

// Answers calls that come in through the in-process upstream. For the empty service it says whether the gateway itself
// is ready, and tells those that watch when that changes; for a service by name it asks the upstream that routes lead
// to and passes its answers on. A service that no route leads to is NOT_FOUND, or SERVICE_UNKNOWN to those that watch.
// Thread-safe; outlives the calls.
class HealthService {
 public:
  // `ready` says why the gateway cannot serve; it is asked by every call, and once a second while somebody watches.
  HealthService(const CurrentRules* rules, std::function<absl::Status()> ready);
  ~HealthService();
  HealthService(const HealthService&) = delete;
  HealthService& operator=(const HealthService&) = delete;

  static constexpr char kServiceName[] = "grpc.health.v1.Health";
  // Whether a path is one of the service's methods.
  static bool Answers(std::string_view path);

  // Adds what the service looks like.
  static void AddOwnFile(google::protobuf::FileDescriptorSet& files);

  // The reactor of a call whose path it answers.
  grpc::ServerGenericBidiReactor* Start(grpc::GenericCallbackServerContext* context);

  // From now on the gateway is not serving, and `ready` is not asked any more. Those that watch hear so, and their
  // calls end.
  void Drain();

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
