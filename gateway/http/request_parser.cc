#include "gateway/http/request_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

namespace http = boost::beast::http;

absl::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool HasControls(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

}  // namespace

struct RequestParser::Parser : http::request_parser<http::string_body> {};

RequestParser::RequestParser(const RequestLimits& limits) : limits_(limits), parser_(std::make_unique<Parser>()) {
  parser_->eager(true);
  parser_->header_limit(static_cast<uint32_t>(limits.header_bytes));
  parser_->body_limit(limits.body_bytes);
}

RequestParser::~RequestParser() = default;

RequestParser::State RequestParser::Parse(std::string& input) {
  boost::system::error_code error;
  while (!input.empty() && !parser_->is_done() && !error) {
    input.erase(0, parser_->put(boost::asio::buffer(input), error));
  }
  if (error == http::error::header_limit) return Refuse(431);
  if (error == http::error::body_limit) return Refuse(413);
  if (error && error != http::error::need_more) return Refuse(400);
  if (!parser_->is_done()) {
    // Such as what stands beside the sizes of chunks and behind the last one, for which Beast has no bound.
    return input.size() > limits_.header_bytes ? Refuse(400) : State::kWantsMore;
  }
  const auto& message = parser_->get();
  const auto headers = static_cast<size_t>(std::distance(message.begin(), message.end()));
  return headers > limits_.headers ? Refuse(431) : State::kWhole;
}

bool RequestParser::TakeExpectation() {
  if (!parser_->is_header_done() || std::exchange(looked_for_expectation_, true)) return false;
  return absl::EqualsIgnoreCase(View(parser_->get()[http::field::expect]), "100-continue");
}

bool RequestParser::keep_alive() const { return parser_->get().keep_alive(); }

bool RequestParser::chunks() const { return parser_->get().version() >= 11; }

ReceivedRequest RequestParser::Take() {
  http::request<http::string_body> message = parser_->release();
  ReceivedRequest request;
  request.method = std::string(View(message.method_string()));
  request.target = std::string(View(message.target()));
  for (const auto& field : message) {
    request.headers.emplace_back(absl::AsciiStrToLower(View(field.name_string())), std::string(View(field.value())));
  }
  request.body = std::move(message.body());
  return request;
}

std::string AnswerHead(int status, const HttpHeaders& headers, bool keep_alive) {
  const http::status known = http::int_to_status(static_cast<unsigned>(status));
  const absl::string_view reason = known == http::status::unknown ? "" : View(http::obsolete_reason(known));
  std::string head = absl::StrCat("HTTP/1.1 ", status, " ", reason, "\r\n");
  for (const auto& [name, value] : headers) {
    if (!HasControls(name) && !HasControls(value)) absl::StrAppend(&head, name, ": ", value, "\r\n");
  }
  absl::StrAppend(&head, "Connection: ", keep_alive ? "keep-alive" : "close",
                  "\r\nX-Content-Type-Options: nosniff\r\n");
  return head;
}

}  // namespace sallyport::gateway
