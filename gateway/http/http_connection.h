// One client's connection to an HttpServer; for http_server.cc only.
#ifndef SALLYPORT_GATEWAY_HTTP_HTTP_CONNECTION_H_
#define SALLYPORT_GATEWAY_HTTP_HTTP_CONNECTION_H_

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "gateway/http/http_messages.h"
#include "gateway/http/http_server.h"
#include "gateway/http/request_parser.h"

namespace sallyport::gateway {

class HttpConnection;

// What all connections of a server have in common.
struct ConnectionSettings {
  RequestLimits limits;
  size_t requests = 1;  // of a connection
  absl::Duration request_time;
  absl::Duration write_time;
  // On the server's thread: a request is to be handled, and a connection waits again or has been closed.
  std::function<void(std::shared_ptr<HttpExchange>)> handle;
  std::function<void(const std::shared_ptr<HttpConnection>&)> changed;
};

// One connection, on the server's thread only. Reads are always under way, but where more has come than is wanted yet:
// so it is known when the client goes. Lives until it has been closed and all its operations have ended.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  using Clock = std::chrono::steady_clock;

  // `tls` is null for one without it. `settings` and `io` outlive it.
  HttpConnection(const ConnectionSettings& settings, boost::asio::io_context& io, boost::asio::ip::tcp::socket socket,
                 std::shared_ptr<boost::asio::ssl::context> tls)
      : settings_(settings), io_(io), socket_(std::move(socket)), deadline_(io), context_(std::move(tls)) {}

  void Start();
  // Tells everybody who waits for something that the client is gone.
  void Close();
  bool closed() const { return phase_ == Phase::kClosed; }
  // Since when it has waited for a request, or for its end; nothing while one is handled.
  std::optional<Clock::time_point> waits_since() const {
    if (phase_ == Phase::kHandling || phase_ == Phase::kStreaming) return std::nullopt;
    return waits_since_;
  }
  boost::asio::io_context& io() { return io_; }

  // What an exchange is told. Of others than the present one nothing counts.
  void Answer(uint64_t number, const HttpAnswer& answer);
  void Begin(uint64_t number, int status, const HttpHeaders& headers);
  void Write(uint64_t number, std::string part, absl::AnyInvocable<void(bool)> written);
  void End(uint64_t number);
  void OnGone(uint64_t number, absl::AnyInvocable<void()> gone);
  void Dropped(uint64_t number);

 private:
  // kHandling: a request is looked at or answered whole. kEnding: the last answer has been sent.
  enum class Phase { kHandshake, kReading, kHandling, kStreaming, kEnding, kClosed };
  struct Outgoing {
    std::string bytes;
    absl::AnyInvocable<void(bool)> written;  // may be null
    bool last = false;                       // of an answer
  };

  void AwaitRequest();
  void Read();
  void OnRead(const boost::system::error_code& error, size_t bytes);
  void Parse();
  void Handle();
  // Answers what is not in order, and no more.
  void Refuse(int status);
  void Send(const HttpAnswer& answer);
  void Enqueue(Outgoing outgoing);
  void WriteNext();
  void OnWritten(const boost::system::error_code& error);
  void AnswerEnded();
  void EndConnection();
  void SetDeadline(absl::Duration left);
  void ClearDeadline() { deadline_.expires_at(Clock::time_point::max()); }

  const ConnectionSettings& settings_;
  boost::asio::io_context& io_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer deadline_;
  const std::shared_ptr<boost::asio::ssl::context> context_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  HttpPeer peer_;
  Phase phase_ = Phase::kHandshake;
  Clock::time_point waits_since_ = Clock::now();

  std::array<char, 8 << 10> chunk_;
  std::string input_;  // read and not yet parsed
  bool reading_ = false;
  bool peer_ended_ = false;  // sends no more
  size_t drained_ = 0;
  std::optional<RequestParser> parser_;

  size_t requests_ = 0;  // so far
  uint64_t number_ = 0;  // of the exchange
  bool open_ = false;    // it has not been answered to the end
  bool begun_ = false;   // an answer has
  bool ended_ = false;   // a stream has, as far as the handler is concerned
  bool keep_alive_ = false;
  bool chunked_ = false;    // the client can take a stream in chunks
  bool head_only_ = false;  // the client wants no body
  absl::AnyInvocable<void()> gone_;
  std::deque<Outgoing> outgoing_;  // the first one is being written
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_HTTP_HTTP_CONNECTION_H_
