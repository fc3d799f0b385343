// HTTP requests, as whoever reaches one of the gateway's own HTTP servers may send them. The first byte says how large
// the pieces are that they come in.
#include <string>

#include "absl/strings/ascii.h"
#include "gateway/http/request_parser.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {
namespace {

using gateway::ReceivedRequest;
using gateway::RequestParser;
using State = RequestParser::State;

constexpr gateway::RequestLimits kLimits = {512, 8, 256};

struct Outcome {
  State state = State::kWantsMore;
  int refusal = 0;
  ReceivedRequest request;
  size_t used = 0;
};

Outcome ParseInPieces(std::string_view input, size_t piece) {
  RequestParser parser(kLimits);
  Outcome outcome;
  std::string waiting;
  while (outcome.state == State::kWantsMore && outcome.used < input.size()) {
    const std::string_view next = input.substr(outcome.used, piece);
    outcome.used += next.size();
    waiting += next;
    outcome.state = parser.Parse(waiting);
    parser.TakeExpectation();
    Require(outcome.state != State::kWantsMore || waiting.size() <= kLimits.header_bytes, "little waits to be parsed");
  }
  outcome.used -= waiting.size();
  outcome.refusal = parser.refusal();
  if (outcome.state == State::kWhole) outcome.request = parser.Take();
  return outcome;
}

}  // namespace

void FuzzHttpRequest(std::string_view input) {
  if (input.empty()) return;
  const size_t piece = 1 + static_cast<unsigned char>(input[0]);
  input.remove_prefix(1);
  const Outcome whole = ParseInPieces(input, input.size());
  const Outcome pieces = ParseInPieces(input, piece);
  Require((whole.state == State::kRefused) == (whole.refusal != 0), "a refusal has a status");
  Require(whole.state == State::kWhole || whole.request.method.empty(), "what is not whole is no request");
  if (whole.state != State::kWhole || pieces.state != State::kWhole) {
    // What goes beyond a bound and is wrong besides may be refused for either; but nothing is taken one way only.
    Require(whole.state != State::kWhole && pieces.state != State::kWhole, "pieces change nothing");
    return;
  }
  Require(whole.used == pieces.used, "a request ends where it ends");
  Require(whole.request.method == pieces.request.method && whole.request.target == pieces.request.target &&
              whole.request.headers == pieces.request.headers && whole.request.body == pieces.request.body,
          "pieces change nothing");
  Require(!whole.request.method.empty() && !whole.request.target.empty(), "a request says what it wants");
  Require(whole.request.headers.size() <= kLimits.headers, "headers are bounded in number");
  Require(whole.request.body.size() <= kLimits.body_bytes, "a body is bounded");
  size_t bytes = whole.request.method.size() + whole.request.target.size();
  for (const auto& [name, value] : whole.request.headers) {
    Require(!name.empty() && name == absl::AsciiStrToLower(name), "a header has a name, in lower case");
    for (const char c : value) Require(c != '\r' && c != '\n' && c != '\0', "a header is one line");
    bytes += name.size() + value.size();
  }
  Require(bytes <= 2 * kLimits.header_bytes, "headers are bounded");  // those behind a chunked body count by themselves
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzHttpRequest)
