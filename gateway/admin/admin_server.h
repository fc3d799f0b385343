// The gateway's HTTP endpoint for what is not calls.
#ifndef SALLYPORT_GATEWAY_ADMIN_ADMIN_SERVER_H_
#define SALLYPORT_GATEWAY_ADMIN_ADMIN_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/http/http_server.h"

namespace sallyport::gateway {

struct AdminAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  absl::Duration cacheable = absl::ZeroDuration();  // for how long others may keep it
};

// Answers GET (and HEAD) of the paths that it is given; nothing else. One request a connection, of at most 16 KiB
// within 10 s; few at a time, the others wait. Handlers run on the server's threads, concurrently, and may block for a
// moment.
class AdminServer {
 public:
  using Handler = std::function<AdminAnswer()>;
  // By path, such as "/.well-known/jwks.json".
  using Handlers = std::map<std::string, Handler>;

  // Listens on "host:port" (port 0 takes a free one) from then on. INVALID_ARGUMENT if that is no address, UNAVAILABLE
  // if it cannot be listened on.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const std::string& address, Handlers handlers);
  // Returns when no handler runs any more.
  ~AdminServer() = default;
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // What is listened on, with the real port.
  const std::string& address() const { return server_->address(); }

 private:
  explicit AdminServer(std::unique_ptr<HttpServer> server);

  const std::unique_ptr<HttpServer> server_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_ADMIN_ADMIN_SERVER_H_
