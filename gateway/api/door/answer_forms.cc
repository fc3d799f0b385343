#include "gateway/api/door/answer_forms.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gateway/api/door/envelopes.h"
#include "gateway/api/door/message_codec.h"
#include "protos/message_encoding.h"

namespace sallyport::gateway {
namespace {

using Protocol = CallForm::Protocol;

// What is shorter gains nothing.
constexpr size_t kWorthCompressing = 1024;

const char* ContentType(const CallForm& form) {
  switch (form.protocol) {
    case Protocol::kConnectUnary:
      return form.json ? "application/json" : "application/proto";
    case Protocol::kConnectStream:
      return form.json ? "application/connect+json" : "application/connect+proto";
    case Protocol::kGrpcWeb:
      if (form.base64) return "application/grpc-web-text+proto";
      return form.json ? "application/grpc-web+json" : "application/grpc-web+proto";
  }
  return "";
}

HttpHeaders FirstHeaders(const char* content_type) {
  return {{"Content-Type", content_type}, {"Cache-Control", "no-store"}};
}

// Compresses `bytes` where that is wanted and worth it. A fault of zlib's leaves them as they are, which is as good.
bool Compress(const CallForm& form, std::string& bytes) {
  if (!form.gzip || bytes.size() < kWorthCompressing) return false;
  absl::StatusOr<std::string> compressed = Gzip(bytes);
  if (!compressed.ok()) return false;
  bytes = *std::move(compressed);
  return true;
}

absl::StatusOr<std::string> Encoded(const CallForm& form, const DoorMethod& method, std::string message) {
  if (form.json) return WireToJson(*method.output, message);
  return message;
}

std::string AsText(const CallForm& form, std::string bytes) {
  return form.base64 ? absl::Base64Escape(bytes) : std::move(bytes);
}

// `grpc-status` and so on.
HttpHeaders GrpcStatus(const std::optional<DoorError>& error) {
  HttpHeaders pairs = {{"grpc-status", std::to_string(error.has_value() ? error->code : 0)}};
  if (!error.has_value()) return pairs;
  if (!error->message.empty()) pairs.emplace_back("grpc-message", PercentEncoded(error->message));
  if (!error->details.empty()) {
    constexpr char kName[] = "grpc-status-details-bin";
    pairs.emplace_back(kName, HeaderValue(kName, error->details));
  }
  return pairs;
}

std::string ConnectEnd(const std::optional<DoorError>& error, const DoorMetadata& trailing) {
  using Json = nlohmann::ordered_json;
  Json metadata = Json::object();
  for (const auto& [name, value] : trailing) {
    if (IsShown(name)) metadata[name].push_back(HeaderValue(name, value));
  }
  Json end = Json::object();
  if (error.has_value()) end["error"] = Json::parse(ConnectErrorJson(*error), nullptr, false);
  if (!metadata.empty()) end["metadata"] = std::move(metadata);
  return end.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<HttpAnswer> UnaryAnswer(const CallForm& form, const DoorMethod& method, std::string message,
                                       const AnswerMetadata& metadata) {
  HttpAnswer answer;
  if (form.protocol != Protocol::kConnectUnary) {
    absl::StatusOr<std::string> part = StreamPart(form, method, std::move(message));
    if (!part.ok()) return part.status();
    answer.headers = StreamHeaders(form, metadata.leading);
    answer.body = *std::move(part) + StreamEnd(form, std::nullopt, metadata.trailing);
    return answer;
  }
  absl::StatusOr<std::string> body = Encoded(form, method, std::move(message));
  if (!body.ok()) return body.status();
  answer.headers = FirstHeaders(ContentType(form));
  answer.body = *std::move(body);
  if (Compress(form, answer.body)) answer.headers.emplace_back("Content-Encoding", "gzip");
  answer.headers.emplace_back("Vary", "Accept-Encoding");
  AppendHeaders(metadata.leading, "", answer.headers);
  AppendHeaders(metadata.trailing, "trailer-", answer.headers);
  return answer;
}

HttpAnswer ErrorAnswer(const CallForm& form, const DoorError& error, const AnswerMetadata& metadata) {
  HttpAnswer answer;
  switch (form.protocol) {
    case Protocol::kConnectUnary:
      answer.status = HttpStatusOf(error.code);
      answer.headers = FirstHeaders("application/json");
      if (answer.status == 401) answer.headers.emplace_back("WWW-Authenticate", "Bearer");
      AppendHeaders(metadata.leading, "", answer.headers);
      AppendHeaders(metadata.trailing, "trailer-", answer.headers);
      answer.body = ConnectErrorJson(error);
      break;
    case Protocol::kConnectStream:
      answer.headers = StreamHeaders(form, metadata.leading);
      answer.body = StreamEnd(form, error, metadata.trailing);
      break;
    case Protocol::kGrpcWeb: {
      // An answer of trailers alone may have them where its headers are.
      answer.headers = FirstHeaders(ContentType(form));
      AppendHeaders(metadata.leading, "", answer.headers);
      const HttpHeaders status = GrpcStatus(error);
      answer.headers.insert(answer.headers.end(), status.begin(), status.end());
      AppendHeaders(metadata.trailing, "", answer.headers);
      break;
    }
  }
  return answer;
}

HttpHeaders StreamHeaders(const CallForm& form, const DoorMetadata& leading) {
  HttpHeaders headers = FirstHeaders(ContentType(form));
  if (form.gzip) {
    const bool connect = form.protocol == Protocol::kConnectStream;
    headers.emplace_back(connect ? "Connect-Content-Encoding" : "grpc-encoding", "gzip");
  }
  AppendHeaders(leading, "", headers);
  return headers;
}

absl::StatusOr<std::string> StreamPart(const CallForm& form, const DoorMethod& method, std::string message) {
  absl::StatusOr<std::string> body = Encoded(form, method, std::move(message));
  if (!body.ok()) return body.status();
  const uint8_t flags = Compress(form, *body) ? kCompressedFlag : uint8_t{0};
  return AsText(form, Enveloped(flags, *body));
}

std::string StreamEnd(const CallForm& form, const std::optional<DoorError>& error, const DoorMetadata& trailing) {
  if (form.protocol == Protocol::kConnectStream) return Enveloped(kConnectEndFlag, ConnectEnd(error, trailing));
  HttpHeaders pairs = GrpcStatus(error);
  AppendHeaders(trailing, "", pairs);
  std::string lines;
  for (const auto& [name, value] : pairs) absl::StrAppend(&lines, name, ": ", value, "\r\n");
  return AsText(form, Enveloped(kGrpcWebTrailersFlag, lines));
}

}  // namespace sallyport::gateway
