// An HTTP/1.1 server over Asio, and Boost.Beast (request_parser.h).
#ifndef SALLYPORT_GATEWAY_HTTP_HTTP_SERVER_H_
#define SALLYPORT_GATEWAY_HTTP_HTTP_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/http/http_messages.h"
#include "gateway/http/server_tls_context.h"

namespace sallyport::gateway {

// One request, and the way to answer it: whole, or as a stream of Begin, parts and End. Whoever holds it may do so from
// any thread, one at a time, and keep it for as long as it takes; dropped unanswered, it is answered 500, and a stream
// that was not ended is cut. Functions that it is given run on the server's thread, must not block, and are called or,
// where their time never comes, destroyed there. An answer behind the first one, and parts outside of a stream, go
// nowhere.
class HttpExchange {
 public:
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  const ReceivedRequest& request() const { return request_; }

  void Answer(HttpAnswer answer);

  // A stream's status and headers.
  void Begin(int status, HttpHeaders headers);
  // The next part of it. `written`, called once, says true when the next one may follow: when the system has taken this
  // one, for which the client has the server's write_time. False once the client is gone.
  void Write(std::string part, absl::AnyInvocable<void(bool)> written);
  void End();

  // Calls `gone` once if the client goes before the answer has been sent, or the server ends. A client that only closes
  // its own direction is answered whole, and gone for a stream.
  void OnGone(absl::AnyInvocable<void()> gone);

 private:
  friend class HttpConnection;
  struct Link;
  HttpExchange(std::unique_ptr<Link> link, ReceivedRequest request);

  const ReceivedRequest request_;
  const std::unique_ptr<Link> link_;
};

struct HttpServerOptions {
  std::string name;                     // for logs and errors, such as "the admin endpoint"
  size_t most_header_bytes = 16 << 10;  // of a request, its first line included
  size_t most_headers = 100;            // of a request
  size_t most_body_bytes = 16 << 10;    // of a request
  size_t most_connections = 64;         // the longest without a request makes room, or others wait
  size_t requests_per_connection = 1;   // one after the other
  size_t handler_threads = 4;           // where handlers are called
  absl::Duration request_time =
      absl::Seconds(10);                          // from the connection, or the former answer, to a request's last byte
  absl::Duration write_time = absl::Seconds(10);  // for a whole answer, and for each part of a stream
  std::optional<ServerTlsMaterial> tls;
};

// Listens and reads and writes on one thread of its own; handlers run on others. Nothing that a client does or leaves
// keeps a connection for longer than the times above but an answer that is still being made.
class HttpServer {
 public:
  // May block for a moment. Called concurrently, once for each request that is in order; others are answered here.
  using Handler = std::function<void(std::shared_ptr<HttpExchange>)>;

  // Listens on "host:port" (port 0 takes a free one) from then on. INVALID_ARGUMENT if that is no address or the TLS
  // material is not in order, UNAVAILABLE if it cannot be listened on.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address, HttpServerOptions options,
                                                           Handler handler);
  // Cuts all connections, and returns when no handler runs any more and all exchanges have been dropped.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // What is listened on, with the real port.
  const std::string& address() const { return address_; }
  // Whether only this machine can reach it.
  bool IsLoopback() const { return loopback_; }

  // For connections from now on, of a server that has TLS. If it is not in order, INVALID_ARGUMENT, and nothing
  // changes.
  absl::Status RenewTls(const ServerTlsMaterial& tls);

 private:
  friend class HttpConnection;
  class Core;
  HttpServer(std::string address, bool loopback, std::unique_ptr<Core> core);

  const std::string address_;
  const bool loopback_;
  const std::unique_ptr<Core> core_;
};

// INVALID_ARGUMENT, saying what is expected, unless it is "host:port" or "[address]:port".
absl::Status CheckHttpAddress(const std::string& address);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_HTTP_HTTP_SERVER_H_
