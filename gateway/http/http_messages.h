// What an HTTP server is asked, and answers.
#ifndef SALLYPORT_GATEWAY_HTTP_HTTP_MESSAGES_H_
#define SALLYPORT_GATEWAY_HTTP_HTTP_MESSAGES_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::gateway {

// Names and values in order. Names of requests are in lower case.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// Who sent a request.
struct HttpPeer {
  std::string address;           // "127.0.0.1:51514", "[::1]:51514"
  bool tls = false;              // the connection is
  std::string certificates_pem;  // that the client showed and the handshake took, its own first; empty if none
};

// A request, whole.
struct ReceivedRequest {
  // Of the first header of this name, in lower case; null if there is none.
  const std::string* Header(std::string_view name) const {
    for (const auto& [other, value] : headers) {
      if (other == name) return &value;
    }
    return nullptr;
  }

  std::string method;  // such as "GET": any token
  std::string target;  // as it came, such as "/metrics?all=1"
  HttpHeaders headers;
  std::string body;
  HttpPeer peer;
};

struct HttpAnswer {
  int status = 200;
  // Without those that say how long the body is and what becomes of the connection. None has control characters, or it
  // is left out.
  HttpHeaders headers;
  std::string body;  // not sent where the method or status has none
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_HTTP_HTTP_MESSAGES_H_
