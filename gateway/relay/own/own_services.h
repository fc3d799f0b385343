// The gateway's own services.
#ifndef SALLYPORT_GATEWAY_RELAY_OWN_OWN_SERVICES_H_
#define SALLYPORT_GATEWAY_RELAY_OWN_OWN_SERVICES_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "gateway/relay/own/own_caller.h"
#include "gateway/upstream/upstream.h"

namespace sallyport::gateway {

// The name that routes give the gateway itself.
inline constexpr char kOwnUpstream[] = "sallyport";

// One of them. Thread-safe; outlives the calls.
class OwnService {
 public:
  virtual ~OwnService() = default;
  // Whether a path is one of its methods.
  virtual bool Answers(std::string_view path) const = 0;
  // Whether whoever connects may call it, without a proof and whatever the policy says. Constant.
  virtual bool open() const { return false; }
  // The reactor of a call that it answers, and who makes it.
  virtual grpc::ServerGenericBidiReactor* Answer(grpc::GenericCallbackServerContext* context, OwnCaller caller) = 0;
};

// An upstream that is no other process but the gateway, and that calls of its own services are relayed to like all
// others: authenticated, decided on, masked, recorded. It listens nowhere. Each call is announced before it comes in,
// with who makes it, which the services are told: callers cannot say that themselves. Thread-safe; outlives the calls.
class OwnServices final : private grpc::CallbackGenericService {
 public:
  // INTERNAL if gRPC cannot make one.
  static absl::StatusOr<std::unique_ptr<OwnServices>> Start();
  ~OwnServices() override;
  OwnServices(const OwnServices&) = delete;
  OwnServices& operator=(const OwnServices&) = delete;

  Upstream& upstream() { return *upstream_; }

  // Before there are calls.
  void Add(OwnService* service);
  // Whether whoever connects may call this.
  bool IsOpen(std::string_view path) const;

  // One call that is going to come in. It has to carry kAnnouncementKey with this name. Withdrawn when destroyed; a
  // call that has come in by then goes on. Movable; must not outlive the services.
  class Announcement {
   public:
    Announcement() = default;
    Announcement(OwnServices* services, uint64_t number) : services_(services), number_(number) {}
    Announcement(Announcement&& other) noexcept
        : services_(std::exchange(other.services_, nullptr)), number_(other.number_) {}
    Announcement& operator=(Announcement&& other) noexcept {
      std::swap(services_, other.services_);
      std::swap(number_, other.number_);
      return *this;
    }
    ~Announcement() {
      if (services_ != nullptr) services_->Withdraw(number_);
    }
    bool announced() const { return services_ != nullptr; }
    std::string name() const { return std::to_string(number_); }

   private:
    OwnServices* services_ = nullptr;
    uint64_t number_ = 0;
  };
  // Callers cannot send it themselves: the name is reserved.
  static constexpr char kAnnouncementKey[] = "sallyport-visit";
  Announcement Announce(OwnCaller caller);

 private:
  OwnServices() = default;
  void Withdraw(uint64_t number);
  // Null if the call was not announced, or is over.
  std::unique_ptr<OwnCaller> TakeAnnounced(const grpc::GenericCallbackServerContext& context);
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<OwnService*> services_;  // constant once there are calls, as is
  bool some_open_ = false;
  absl::Mutex mutex_;
  uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<uint64_t, std::unique_ptr<OwnCaller>> announced_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_OWN_OWN_SERVICES_H_
