// What the door for HTTP stands on: the services, in this process.
#ifndef SALLYPORT_GATEWAY_API_API_BACKEND_H_
#define SALLYPORT_GATEWAY_API_API_BACKEND_H_

#include <grpcpp/channel.h>

#include <memory>
#include <optional>
#include <string>

#include "gateway/identity/authenticator.h"

namespace sallyport::gateway {

// Who comes through the door with one call, as far as the door knows. A value.
struct ApiVisitor {
  std::optional<std::string> authorization;  // the header's value, of which there was no more than one
  std::string certificates_pem;              // that the connection showed and its handshake took; empty if none
  std::string peer;                          // in gRPC's notation, such as "ipv4:127.0.0.1:51514"
  std::string authority;                     // that was asked for
  // Who that is, where the door itself has proved it: somebody who has logged in. The above is then not looked at.
  std::optional<Caller> proved;
};

// Calls of the services, as they are made from within the process. Thread-safe; outlives the door.
class ApiBackend {
 public:
  virtual ~ApiBackend() = default;

  // Ends at a server that has the services (sallyport.v1.Audit and so on), and is reached from nowhere else but what
  // this says and what listens for gRPC.
  virtual std::shared_ptr<grpc::Channel> channel() = 0;

  // One call that is going to come over the channel: it has to carry kVisitKey with the text that this returns, which
  // nobody can guess. It counts for one call, and for ten seconds.
  virtual std::string Announce(ApiVisitor visitor) = 0;

  // Callers that send it themselves are refused.
  static constexpr char kVisitKey[] = "sallyport-visit";
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_API_BACKEND_H_
