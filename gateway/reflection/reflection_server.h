// The gateway's own answers to server reflection.
#ifndef SALLYPORT_GATEWAY_REFLECTION_REFLECTION_SERVER_H_
#define SALLYPORT_GATEWAY_REFLECTION_REFLECTION_SERVER_H_

#include <google/protobuf/descriptor.pb.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "gateway/reflection/visible_services.h"
#include "gateway/upstream/upstream.h"

namespace sallyport::gateway {

class HealthService;

// The name that routes give the gateway itself.
inline constexpr char kOwnUpstream[] = "sallyport";

// An upstream that is no other process but the gateway, and that calls of the reflection services are relayed to like
// all others: authenticated, decided on, masked, recorded. It listens nowhere. Thread-safe; outlives the calls.
class ReflectionServer {
 public:
  // INTERNAL if gRPC cannot make one.
  static absl::StatusOr<std::unique_ptr<ReflectionServer>> Start();
  virtual ~ReflectionServer() = default;

  virtual Upstream& upstream() = 0;

  // Calls of these paths are the health service's, which outlives them. Once, before there are calls.
  virtual void AddHealth(HealthService* health) = 0;

  // What the services themselves look like, in each version of the protocol.
  static google::protobuf::FileDescriptorSet OwnFiles();

  // One call that is going to come in. The call has to carry kVisitKey with this name. Withdrawn when destroyed; a call
  // that has come in by then goes on. Movable; must not outlive the server.
  class Visit {
   public:
    Visit() = default;
    Visit(ReflectionServer* server, uint64_t number) : server_(server), number_(number) {}
    Visit(Visit&& other) noexcept : server_(std::exchange(other.server_, nullptr)), number_(other.number_) {}
    Visit& operator=(Visit&& other) noexcept {
      std::swap(server_, other.server_);
      std::swap(number_, other.number_);
      return *this;
    }
    ~Visit() {
      if (server_ != nullptr) server_->Withdraw(number_);
    }
    std::string name() const { return std::to_string(number_); }

   private:
    ReflectionServer* server_ = nullptr;
    uint64_t number_ = 0;
  };
  // Callers cannot send it themselves: the name is reserved.
  static constexpr char kVisitKey[] = "sallyport-visit";
  virtual Visit Announce(std::unique_ptr<VisibleServices> services) = 0;

 private:
  virtual void Withdraw(uint64_t number) = 0;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_REFLECTION_REFLECTION_SERVER_H_
