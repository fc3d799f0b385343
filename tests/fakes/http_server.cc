#include "tests/fakes/http_server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sallyport::testing {
namespace {

void Must(bool done) {
  if (!done) std::abort();
}

// The head of a request, without its body.
ReceivedRequest ParseHead(const std::string& head) {
  ReceivedRequest request;
  const std::vector<std::string> lines = absl::StrSplit(head, "\r\n");
  const std::vector<std::string> first = absl::StrSplit(lines.front(), ' ');
  request.method = first.front();
  if (first.size() > 1) request.target = first[1];
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(lines[i], absl::MaxSplits(':', 1));
    request.headers[absl::AsciiStrToLower(parts.first)] = std::string(absl::StripAsciiWhitespace(parts.second));
  }
  return request;
}

// Nothing if the connection ends before the request does.
std::optional<ReceivedRequest> Receive(int connection) {
  std::string bytes;
  std::optional<ReceivedRequest> request;
  size_t wanted = 0;
  while (!request.has_value() || bytes.size() < wanted) {
    char buffer[4096];
    const ssize_t count = recv(connection, buffer, sizeof(buffer), 0);
    if (count <= 0) return std::nullopt;
    bytes.append(buffer, static_cast<size_t>(count));
    const size_t end = bytes.find("\r\n\r\n");
    if (request.has_value() || end == std::string::npos) continue;
    request = ParseHead(bytes.substr(0, end));
    bytes.erase(0, end + 4);
    const auto length = request->headers.find("content-length");
    if (length != request->headers.end()) Must(absl::SimpleAtoi(length->second, &wanted));
  }
  request->body = bytes;
  return request;
}

}  // namespace

HttpServer::HttpServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  Must(listener_ >= 0 && bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
       listen(listener_, 16) == 0);
  Must(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  url_ = absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port));
  thread_ = std::thread([this] { Run(); });
}

HttpServer::~HttpServer() {
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  close(listener_);
}

void HttpServer::Run() {
  while (true) {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    Serve(connection);
    close(connection);
  }
}

void HttpServer::Serve(int connection) {
  const std::optional<ReceivedRequest> request = Receive(connection);
  if (!request.has_value()) return;
  const std::string answer = handler_(*request);
  for (size_t sent = 0; sent < answer.size();) {
    const ssize_t count = send(connection, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<size_t>(count);
  }
}

std::string HttpAnswer(const std::string& status, const std::string& body, const std::string& headers) {
  return absl::StrCat("HTTP/1.1 ", status, "\r\nConnection: close\r\nContent-Length: ", body.size(), "\r\n", headers,
                      "\r\n", body);
}

}  // namespace sallyport::testing
