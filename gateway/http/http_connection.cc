#include "gateway/http/http_connection.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

namespace asio = boost::asio;
using Error = boost::system::error_code;

// What a client still sends behind its last answer is read for so long, so that it does not lose that.
constexpr size_t kMostDrained = 256 << 10;
constexpr absl::Duration kEndTime = absl::Seconds(2);

}  // namespace

struct HttpExchange::Link {
  // `function` takes the connection and the number of the exchange, on the server's thread.
  template <typename Function>
  void Post(Function function) {
    asio::post(connection->io(),
               [to = connection, number = number, function = std::move(function)]() mutable { function(*to, number); });
  }

  std::shared_ptr<HttpConnection> connection;
  uint64_t number;
  asio::executor_work_guard<asio::io_context::executor_type> work;
};

HttpExchange::HttpExchange(std::unique_ptr<Link> link, ReceivedRequest request)
    : request_(std::move(request)), link_(std::move(link)) {}

HttpExchange::~HttpExchange() {
  link_->Post([](HttpConnection& connection, uint64_t number) { connection.Dropped(number); });
  // So that the last reference is always the server's thread's.
  asio::io_context& io = link_->connection->io();
  asio::post(io, [last = std::move(link_->connection)] {});
}

void HttpExchange::Answer(HttpAnswer answer) {
  link_->Post(
      [answer = std::move(answer)](HttpConnection& connection, uint64_t number) { connection.Answer(number, answer); });
}

void HttpExchange::Begin(int status, HttpHeaders headers) {
  link_->Post([status, headers = std::move(headers)](HttpConnection& connection, uint64_t number) {
    connection.Begin(number, status, headers);
  });
}

void HttpExchange::Write(std::string part, absl::AnyInvocable<void(bool)> written) {
  link_->Post(
      [part = std::move(part), written = std::move(written)](HttpConnection& connection, uint64_t number) mutable {
        connection.Write(number, std::move(part), std::move(written));
      });
}

void HttpExchange::End() {
  link_->Post([](HttpConnection& connection, uint64_t number) { connection.End(number); });
}

void HttpExchange::OnGone(absl::AnyInvocable<void()> gone) {
  link_->Post([gone = std::move(gone)](HttpConnection& connection, uint64_t number) mutable {
    connection.OnGone(number, std::move(gone));
  });
}

void HttpConnection::Start() {
  Error ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  std::ostringstream address;
  address << socket_.remote_endpoint(ignored);
  peer_.address = address.str();
  if (context_ == nullptr) return AwaitRequest();
  peer_.tls = true;
  tls_.emplace(socket_, *context_);
  SetDeadline(settings_.request_time);
  tls_->async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](const Error& error) {
    if (self->phase_ == Phase::kClosed) return;
    if (error) return self->Close();
    self->peer_.certificates_pem = ShownCertificates(self->tls_->native_handle());
    self->AwaitRequest();
  });
}

void HttpConnection::Close() {
  if (phase_ == Phase::kClosed) return;
  const std::shared_ptr<HttpConnection> self = shared_from_this();
  phase_ = Phase::kClosed;
  ClearDeadline();
  Error ignored;
  socket_.close(ignored);
  for (Outgoing& outgoing : outgoing_) {
    if (auto written = std::exchange(outgoing.written, nullptr); written != nullptr) written(false);
  }
  if (auto gone = std::exchange(gone_, nullptr); gone != nullptr) gone();
  settings_.changed(self);
}

void HttpConnection::SetDeadline(absl::Duration left) {
  deadline_.expires_after(absl::ToChronoNanoseconds(left));
  deadline_.async_wait([self = shared_from_this()](const Error& error) {
    if (!error && self->deadline_.expiry() <= Clock::now()) self->Close();
  });
}

void HttpConnection::AwaitRequest() {
  // The handshake's time is the first request's.
  if (phase_ != Phase::kHandshake || !tls_.has_value()) SetDeadline(settings_.request_time);
  phase_ = Phase::kReading;
  waits_since_ = Clock::now();
  parser_.emplace(settings_.limits);
  Parse();
}

void HttpConnection::Read() {
  if (reading_ || peer_ended_ || phase_ == Phase::kClosed) return;
  reading_ = true;
  auto done = [self = shared_from_this()](const Error& error, size_t bytes) { self->OnRead(error, bytes); };
  if (tls_.has_value()) {
    tls_->async_read_some(asio::buffer(chunk_), std::move(done));
  } else {
    socket_.async_read_some(asio::buffer(chunk_), std::move(done));
  }
}

void HttpConnection::OnRead(const Error& error, size_t bytes) {
  reading_ = false;
  if (phase_ == Phase::kClosed) return;
  if (error) {
    peer_ended_ = true;
    const bool only_its_direction = error == asio::error::eof || error == asio::ssl::error::stream_truncated;
    if (phase_ != Phase::kHandling || !only_its_direction) Close();
    return;
  }
  if (phase_ == Phase::kEnding) {
    drained_ += bytes;
    return drained_ > kMostDrained ? Close() : Read();
  }
  input_.append(chunk_.data(), bytes);
  if (phase_ == Phase::kReading) Parse();
}

void HttpConnection::Parse() {
  switch (parser_->Parse(input_)) {
    case RequestParser::State::kWhole:
      return Handle();
    case RequestParser::State::kRefused:
      return Refuse(parser_->refusal());
    case RequestParser::State::kWantsMore:
      if (parser_->TakeExpectation()) Enqueue({"HTTP/1.1 100 Continue\r\n\r\n", nullptr});
      return Read();
  }
}

void HttpConnection::Handle() {
  keep_alive_ = parser_->keep_alive() && ++requests_ < settings_.requests;
  chunked_ = parser_->chunks();
  ReceivedRequest request = parser_->Take();
  request.peer = peer_;
  head_only_ = request.method == "HEAD";
  phase_ = Phase::kHandling;
  ++number_;
  open_ = true;
  begun_ = ended_ = false;
  ClearDeadline();
  if (input_.empty()) Read();
  auto link =
      std::make_unique<HttpExchange::Link>(HttpExchange::Link{shared_from_this(), number_, asio::make_work_guard(io_)});
  settings_.handle(std::shared_ptr<HttpExchange>(new HttpExchange(std::move(link), std::move(request))));
}

void HttpConnection::Refuse(int status) {
  phase_ = Phase::kHandling;
  ++number_;
  open_ = begun_ = true;
  keep_alive_ = head_only_ = false;
  Send({status, {}, ""});
}

void HttpConnection::Send(const HttpAnswer& answer) {
  const bool empty = answer.status == 204 || answer.status == 304;
  std::string bytes = AnswerHead(answer.status, answer.headers, keep_alive_);
  if (!empty) absl::StrAppend(&bytes, "Content-Length: ", answer.body.size(), "\r\n");
  bytes += "\r\n";
  if (!empty && !head_only_) bytes += answer.body;
  Enqueue({std::move(bytes), nullptr, true});
}

void HttpConnection::Answer(uint64_t number, const HttpAnswer& answer) {
  if (number != number_ || phase_ != Phase::kHandling || std::exchange(begun_, true)) return;
  Send(answer);
}

void HttpConnection::Begin(uint64_t number, int status, const HttpHeaders& headers) {
  if (number != number_ || phase_ != Phase::kHandling || std::exchange(begun_, true)) return;
  phase_ = Phase::kStreaming;
  if (peer_ended_) return Close();
  keep_alive_ = keep_alive_ && chunked_;
  std::string head = AnswerHead(status, headers, keep_alive_);
  absl::StrAppend(&head, chunked_ ? "Transfer-Encoding: chunked\r\n" : "", "\r\n");
  Enqueue({std::move(head), nullptr});
}

void HttpConnection::Write(uint64_t number, std::string part, absl::AnyInvocable<void(bool)> written) {
  const bool taken = number == number_ && phase_ == Phase::kStreaming && !ended_;
  if (!taken || part.empty() || head_only_) {
    if (written != nullptr) written(taken);
    return;
  }
  std::string bytes = chunked_ ? absl::StrCat(absl::Hex(part.size()), "\r\n", part, "\r\n") : std::move(part);
  Enqueue({std::move(bytes), std::move(written)});
}

void HttpConnection::End(uint64_t number) {
  if (number != number_ || phase_ != Phase::kStreaming || std::exchange(ended_, true)) return;
  Enqueue({chunked_ && !head_only_ ? "0\r\n\r\n" : "", nullptr, true});
}

void HttpConnection::OnGone(uint64_t number, absl::AnyInvocable<void()> gone) {
  if (number != number_ || !open_) return;
  if (phase_ == Phase::kClosed) return gone();
  gone_ = std::move(gone);
}

void HttpConnection::Dropped(uint64_t number) {
  if (number != number_ || !open_) return;
  if (!begun_) return Answer(number, {500, {}, ""});
  if (phase_ == Phase::kStreaming && !ended_) Close();
}

void HttpConnection::Enqueue(Outgoing outgoing) {
  outgoing_.push_back(std::move(outgoing));
  if (outgoing_.size() == 1) WriteNext();
}

void HttpConnection::WriteNext() {
  if (phase_ != Phase::kReading) SetDeadline(settings_.write_time);
  auto done = [self = shared_from_this()](const Error& error, size_t /*bytes*/) { self->OnWritten(error); };
  if (tls_.has_value()) {
    asio::async_write(*tls_, asio::buffer(outgoing_.front().bytes), std::move(done));
  } else {
    asio::async_write(socket_, asio::buffer(outgoing_.front().bytes), std::move(done));
  }
}

void HttpConnection::OnWritten(const Error& error) {
  if (phase_ == Phase::kClosed) return;
  if (error) return Close();
  Outgoing done = std::move(outgoing_.front());
  outgoing_.pop_front();
  if (!outgoing_.empty()) {
    WriteNext();
  } else if (phase_ == Phase::kStreaming) {
    ClearDeadline();
  }
  if (done.written != nullptr) done.written(true);
  if (done.last) AnswerEnded();
}

void HttpConnection::AnswerEnded() {
  open_ = false;
  gone_ = nullptr;
  if (!keep_alive_ || peer_ended_) return EndConnection();
  AwaitRequest();
  settings_.changed(shared_from_this());
}

void HttpConnection::EndConnection() {
  phase_ = Phase::kEnding;
  waits_since_ = Clock::now();
  SetDeadline(kEndTime);
  settings_.changed(shared_from_this());
  if (tls_.has_value()) {
    tls_->async_shutdown([self = shared_from_this()](const Error& error) {
      if (!error || self->peer_ended_) self->Close();
    });
  } else if (peer_ended_) {
    return Close();
  } else {
    Error ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  }
  Read();
}

}  // namespace sallyport::gateway
