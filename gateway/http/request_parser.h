// HTTP/1.1 as it is written, over Boost.Beast, which is known to request_parser.cc only.
#ifndef SALLYPORT_GATEWAY_HTTP_REQUEST_PARSER_H_
#define SALLYPORT_GATEWAY_HTTP_REQUEST_PARSER_H_

#include <cstddef>
#include <memory>
#include <string>

#include "gateway/http/http_messages.h"

namespace sallyport::gateway {

struct RequestLimits {
  size_t header_bytes = 16 << 10;  // the first line included
  size_t headers = 100;
  size_t body_bytes = 16 << 10;
};

// Reads one request out of what strangers send, in pieces of any size. Keeps no more of it than the limits say.
class RequestParser {
 public:
  explicit RequestParser(const RequestLimits& limits);
  ~RequestParser();

  enum class State { kWantsMore, kWhole, kRefused };
  // Takes what it can use off the front of `input`, to which more is to be added behind what it leaves there.
  State Parse(std::string& input);
  // 400, 413 or 431: why it was refused.
  int refusal() const { return refusal_; }

  // True once, if the client waits to be told that it may send its body.
  bool TakeExpectation();

  // What it takes to answer a request that is whole.
  bool keep_alive() const;  // the connection may stay
  bool chunks() const;      // the client can take an answer in chunks

  // The request, whole, but for its peer. Nothing else is called after it.
  ReceivedRequest Take();

 private:
  struct Parser;
  State Refuse(int status) {
    refusal_ = status;
    return State::kRefused;
  }

  const RequestLimits limits_;
  const std::unique_ptr<Parser> parser_;
  int refusal_ = 0;
  bool looked_for_expectation_ = false;
};

// The first lines of an answer, but for how long it is and the empty one.
std::string AnswerHead(int status, const HttpHeaders& headers, bool keep_alive);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_HTTP_REQUEST_PARSER_H_
