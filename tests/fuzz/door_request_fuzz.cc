// Requests to the API's door: what becomes of a target, headers and a body. The first byte says in which form the rest
// comes, the second which of the headers are there; the body stands behind them.
#include <algorithm>
#include <array>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "gateway/api/door/call_request.h"
#include "gateway/api/door/message_codec.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {
namespace {

using gateway::CallRequest;
using gateway::DoorMethods;
using gateway::HttpAnswer;
using gateway::ReceivedRequest;

constexpr size_t kMostMessage = 4096;
constexpr std::array<const char*, 8> kTypes = {
    "application/json",     "application/proto",         "application/connect+json",  "application/connect+proto",
    "application/grpc-web", "application/grpc-web+json", "application/grpc-web-text", "text/plain"};

// The line that a text begins with, which is taken off it.
std::string Line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string line(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

ReceivedRequest RequestOf(std::string_view input) {
  const auto form = static_cast<unsigned char>(input[0]);
  const auto has = static_cast<unsigned char>(input[1]);
  input.remove_prefix(2);
  ReceivedRequest request;
  const bool streams = (form & 8) != 0;
  request.method = (form & 16) != 0 ? "GET" : "POST";
  request.target = streams ? "/sallyport.v1.Audit/TailCalls" : "/sallyport.v1.Audit/SearchCalls";
  if (request.method == "GET") request.target += "?" + Line(input);
  request.headers.emplace_back("content-type", kTypes.at(form & 7));
  constexpr std::array<const char*, 8> kHeaders = {
      "content-encoding", "connect-content-encoding", "grpc-encoding", "connect-timeout-ms", "grpc-timeout", "x-text",
      "x-bytes-bin",      "accept-encoding"};
  for (size_t i = 0; i < kHeaders.size(); ++i) {
    if ((has >> i & 1) != 0) request.headers.emplace_back(kHeaders.at(i), Line(input));
  }
  request.body = std::string(input);
  return request;
}

}  // namespace

void FuzzDoorRequest(std::string_view input) {
  if (input.size() < 2) return;
  static const auto* const kMethods = new absl::StatusOr<DoorMethods>(DoorMethods::Of({"sallyport.v1.Audit"}));
  Require(kMethods->ok(), "the services are known");
  const ReceivedRequest request = RequestOf(input);
  const std::variant<CallRequest, HttpAnswer> read = gateway::ReadCall(**kMethods, request, kMostMessage);
  if (const auto* answer = std::get_if<HttpAnswer>(&read)) {
    Require(answer->status >= 200 && answer->status < 600, "a refusal is an answer");
    Require(answer->status != 200 || !answer->body.empty() || answer->headers.size() > 2, "a refusal says why");
    return;
  }
  const auto& call = std::get<CallRequest>(read);
  Require(call.method != nullptr && call.method->streams == (request.target.find("Tail") != std::string::npos),
          "a call has the method that was asked for");
  Require(gateway::CheckWire(*call.method->input, call.message).ok(), "the service gets a message that it can read");
  // JSON may grow on the way: a number of one digit is up to ten bytes.
  Require(call.message.size() <= 16 * kMostMessage + 16 * request.body.size(), "a message is bounded");
  Require(!call.timeout.has_value() || *call.timeout >= absl::ZeroDuration(), "no timeout is negative");
  for (const auto& [name, value] : call.metadata) {
    Require(name == "x-text" || name == "x-bytes-bin", "what is HTTP's goes no further");
    for (const char c : name == "x-text" ? value : "") Require(c >= ' ' && c <= '~', "gRPC takes the value");
  }
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzDoorRequest)
