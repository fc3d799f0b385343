// The services over HTTP/1.1, for browsers, programs and curl.
#ifndef SALLYPORT_GATEWAY_API_DOOR_HTTP_DOOR_H_
#define SALLYPORT_GATEWAY_API_DOOR_HTTP_DOOR_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/api/api_backend.h"
#include "gateway/http/http_server.h"

namespace sallyport::gateway {

// What the door lets be asked of it.
struct HttpDoorLimits {
  size_t most_body_bytes = 4 << 20;     // of a request
  size_t most_message_bytes = 4 << 20;  // of a request's message, inflated
  size_t most_header_bytes = 16 << 10;  // of a request, its first line included
  size_t most_headers = 100;
  size_t most_connections = 1200;                   // each is a descriptor
  size_t most_calls = 1100;                         // that are open at once, streams for the most part
  size_t most_client_calls = 1024;                  // of them, from one address
  absl::Duration request_time = absl::Seconds(15);  // for a request to come, whole
  absl::Duration write_time = absl::Seconds(30);    // for a client to take an answer, or a part of a stream
};

struct HttpDoorOptions {
  std::string address;  // "host:port"; port 0 takes a free one
  std::optional<ServerTlsMaterial> tls;
  std::vector<std::string> origins;  // of other pages that may ask, such as "https://sallyport.example"
  std::vector<std::string>
      hosts;  // names that the door is asked for by, besides the address and, on loopback, localhost
  std::vector<std::string> services = {"sallyport.v1.Audit", "sallyport.v1.Policies", "sallyport.v1.Operations"};
  HttpDoorLimits limits;
};

// What others add to the door. Called concurrently, for requests whose Host and Origin are in order; may block for a
// moment.
struct HttpDoorHandlers {
  // Says whether the request is its own, which it then answers. Asked in order, before the services.
  using PathHandler = std::function<bool(const std::shared_ptr<HttpExchange>&)>;
  std::vector<PathHandler> paths;

  // Who makes a request to a service, by what the door itself gave (a cookie): nobody known where it shows none. An
  // error refuses the request. Null: nobody is known so.
  std::function<absl::StatusOr<std::optional<Caller>>(const ReceivedRequest&)> proof;
};

// Maps requests onto calls of the backend's channel: Connect, unary and streamed answers, in JSON and the wire format;
// gRPC-Web and gRPC-Web-Text. Refuses strange Hosts and Origins. `/openapi.json` says what there is. Has threads of its
// own. Thread-safe.
class HttpDoor {
 public:
  // Listens from then on. `backend` outlives it. INVALID_ARGUMENT if an option is not in order, UNAVAILABLE if it
  // cannot be listened on.
  static absl::StatusOr<std::unique_ptr<HttpDoor>> Start(HttpDoorOptions options, ApiBackend* backend,
                                                         HttpDoorHandlers handlers);
  // Cuts all connections and calls, and returns when they have ended.
  ~HttpDoor();
  HttpDoor(const HttpDoor&) = delete;
  HttpDoor& operator=(const HttpDoor&) = delete;

  // What is listened on, with the real port.
  const std::string& address() const;
  // Whether only this machine can reach it.
  bool IsLoopback() const;

  // For connections from now on, of a door that has TLS. If it is not in order, INVALID_ARGUMENT, and nothing changes.
  absl::Status RenewTls(const ServerTlsMaterial& tls);

 private:
  class Core;
  HttpDoor(std::unique_ptr<Core> core, std::unique_ptr<HttpServer> server);

  // Destroyed last: the server's handlers use it.
  const std::unique_ptr<Core> core_;
  const std::unique_ptr<HttpServer> server_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_HTTP_DOOR_H_
