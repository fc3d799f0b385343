#include "gateway/api/door/call_request.h"

#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gateway/api/door/answer_forms.h"
#include "gateway/api/door/envelopes.h"
#include "gateway/api/door/message_codec.h"
#include "protos/message_encoding.h"

namespace sallyport::gateway {
namespace {

using Protocol = CallForm::Protocol;

constexpr char kUnaryTypes[] =
    "application/json, application/proto, application/grpc-web, application/grpc-web+proto, application/grpc-web+json, "
    "application/grpc-web-text, application/grpc-web-text+proto";
constexpr char kStreamTypes[] =
    "application/connect+json, application/connect+proto, application/grpc-web, application/grpc-web+proto, "
    "application/grpc-web+json, application/grpc-web-text, application/grpc-web-text+proto";

// What a call says of its message: a header's value, "" where there is none.
std::string HeaderOf(const ReceivedRequest& request, std::string_view name) {
  const std::string* value = request.Header(name);
  return value == nullptr ? "" : *value;
}

// An answer of HTTP's own, before it is known which protocol the client speaks.
HttpAnswer PlainAnswer(int status, std::string_view reason, const absl::Status& why) {
  HttpAnswer answer;
  answer.status = status;
  answer.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  answer.body = ConnectErrorJson(OwnError(why, reason));
  return answer;
}

HttpAnswer Refusal(const CallForm& form, const absl::Status& why, std::string_view reason) {
  HttpAnswer answer = ErrorAnswer(form, OwnError(why, reason), {});
  // Tells clients with which encodings they may come again.
  if (why.code() == absl::StatusCode::kUnimplemented && reason == "UNKNOWN_ENCODING") {
    const char* name = form.protocol == Protocol::kConnectUnary    ? "Accept-Encoding"
                       : form.protocol == Protocol::kConnectStream ? "Connect-Accept-Encoding"
                                                                   : "grpc-accept-encoding";
    answer.headers.emplace_back(name, "gzip");
  }
  return answer;
}

// The form that a type of content says; nothing if that is none for the method.
std::optional<CallForm> FormOf(const std::string& content_type, bool streams) {
  const std::string type =
      absl::AsciiStrToLower(absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';'))));
  const Protocol connect = streams ? Protocol::kConnectStream : Protocol::kConnectUnary;
  const std::string prefix = streams ? "application/connect+" : "application/";
  if (type == prefix + "json") return CallForm{connect, true};
  if (type == prefix + "proto") return CallForm{connect, false};
  if (type == "application/grpc-web" || type == "application/grpc-web+proto") return CallForm{Protocol::kGrpcWeb};
  if (type == "application/grpc-web+json") return CallForm{Protocol::kGrpcWeb, true};
  if (type == "application/grpc-web-text" || type == "application/grpc-web-text+proto") {
    return CallForm{Protocol::kGrpcWeb, false, true};
  }
  return std::nullopt;
}

// Whether a list of encodings has gzip, and not with q=0.
bool TakesGzip(const std::string& list) {
  for (const absl::string_view one : absl::StrSplit(list, ',')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(one, absl::MaxSplits(';', 1));
    if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(parts.first), "gzip")) continue;
    absl::string_view weight = absl::StripAsciiWhitespace(parts.second);
    double q = 1;
    if (absl::ConsumePrefix(&weight, "q=") && (!absl::SimpleAtod(weight, &q) || q <= 0)) return false;
    return true;
  }
  return false;
}

const char* AcceptHeader(Protocol protocol) {
  switch (protocol) {
    case Protocol::kConnectUnary:
      return "accept-encoding";
    case Protocol::kConnectStream:
      return "connect-accept-encoding";
    case Protocol::kGrpcWeb:
      return "grpc-accept-encoding";
  }
  return "";
}

const char* EncodingHeader(Protocol protocol) {
  switch (protocol) {
    case Protocol::kConnectUnary:
      return "content-encoding";
    case Protocol::kConnectStream:
      return "connect-content-encoding";
    case Protocol::kGrpcWeb:
      return "grpc-encoding";
  }
  return "";
}

bool AreDigits(std::string_view text, size_t most) {
  return !text.empty() && text.size() <= most && text.find_first_not_of("0123456789") == std::string_view::npos;
}

absl::StatusOr<absl::Duration> ReadConnectTimeout(const std::string& text) {
  constexpr size_t kMostDigits = 10;
  int64_t milliseconds = 0;
  if (!AreDigits(text, kMostDigits) || !absl::SimpleAtoi(text, &milliseconds)) {
    return absl::InvalidArgumentError("connect-timeout-ms is not a number of milliseconds with at most 10 digits");
  }
  return absl::Milliseconds(milliseconds);
}

absl::StatusOr<absl::Duration> ReadGrpcTimeout(const std::string& text) {
  constexpr size_t kMostDigits = 8;
  const absl::Status fault =
      absl::InvalidArgumentError("grpc-timeout is not a number of at most 8 digits and one of H, M, S, m, u, n");
  if (text.empty()) return fault;
  const std::string digits = text.substr(0, text.size() - 1);
  int64_t number = 0;
  if (!AreDigits(digits, kMostDigits) || !absl::SimpleAtoi(digits, &number)) return fault;
  switch (text.back()) {
    case 'H':
      return absl::Hours(number);
    case 'M':
      return absl::Minutes(number);
    case 'S':
      return absl::Seconds(number);
    case 'm':
      return absl::Milliseconds(number);
    case 'u':
      return absl::Microseconds(number);
    case 'n':
      return absl::Nanoseconds(number);
    default:
      return fault;
  }
}

absl::StatusOr<std::optional<absl::Duration>> TimeoutOf(const ReceivedRequest& request, Protocol protocol) {
  const bool web = protocol == Protocol::kGrpcWeb;
  const std::string* text = request.Header(web ? "grpc-timeout" : "connect-timeout-ms");
  if (text == nullptr) return std::optional<absl::Duration>();
  const absl::StatusOr<absl::Duration> timeout = web ? ReadGrpcTimeout(*text) : ReadConnectTimeout(*text);
  if (!timeout.ok()) return timeout.status();
  return std::optional<absl::Duration>(*timeout);
}

// A step of reading that failed: why, and the reason by name.
struct Fault {
  absl::Status status;
  const char* reason = "";
};
template <typename Value>
using OrFault = std::variant<Value, Fault>;

OrFault<std::string> Inflated(const std::string& encoding, std::string message, size_t most) {
  if (encoding.empty() || encoding == "identity") return message;
  if (encoding != "gzip") {
    return Fault{absl::UnimplementedError(
                     absl::StrCat("the encoding \"", absl::CHexEscape(encoding), "\" is not known here; gzip is")),
                 "UNKNOWN_ENCODING"};
  }
  if (message.empty()) return message;
  size_t inflated = 0;
  absl::StatusOr<std::string> text = Inflate(MessageEncoding::kGzip, message, most, &inflated);
  if (text.ok()) return *std::move(text);
  if (inflated > most) {
    return Fault{absl::ResourceExhaustedError(absl::StrCat("the message has more than ", most, " bytes when inflated")),
                 "MESSAGE_TOO_LARGE"};
  }
  return Fault{absl::InvalidArgumentError("the message claims to be gzip and cannot be inflated"), "BAD_ENCODING"};
}

// The message of a body with an envelope.
OrFault<std::string> Unwrapped(const CallForm& form, const std::string& encoding, const std::string& body,
                               size_t most) {
  std::string decoded;
  if (form.base64) {
    absl::StatusOr<std::string> bytes = ReadWebText(body);
    if (!bytes.ok()) return Fault{bytes.status(), "BAD_ENVELOPE"};
    decoded = *std::move(bytes);
  }
  const absl::StatusOr<Envelope> envelope = ReadOneEnvelope(form.base64 ? decoded : body);
  if (!envelope.ok()) return Fault{envelope.status(), "BAD_ENVELOPE"};
  if ((envelope->flags & ~kCompressedFlag) != 0) {
    return Fault{absl::InvalidArgumentError("the request's message has flags that no request may have"),
                 "BAD_ENVELOPE"};
  }
  // Tells of an encoding that is not known, be it used or not.
  OrFault<std::string> known = Inflated(encoding, "", most);
  if (std::holds_alternative<Fault>(known)) return known;
  std::string message(envelope->message);
  if ((envelope->flags & kCompressedFlag) == 0) return message;
  if (encoding.empty() || encoding == "identity") {
    return Fault{absl::InternalError("the request's message says that it is compressed, and no header says how"),
                 "BAD_ENCODING"};
  }
  return Inflated(encoding, std::move(message), most);
}

// In the wire format.
OrFault<std::string> WireOf(const CallForm& form, const DoorMethod& method, std::string message) {
  if (form.json) {
    absl::StatusOr<std::string> wire = JsonToWire(*method.input, message);
    if (!wire.ok()) return Fault{wire.status(), "BAD_JSON"};
    return *std::move(wire);
  }
  const absl::Status status = CheckWire(*method.input, message);
  if (!status.ok()) return Fault{status, "BAD_MESSAGE"};
  return message;
}

// The names and values of a query, with their escapes resolved. The last of a name counts.
std::map<std::string, std::string> QueryOf(const std::string& query) {
  std::map<std::string, std::string> values;
  for (const absl::string_view pair : absl::StrSplit(query, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(pair, absl::MaxSplits('=', 1));
    std::string value;
    for (size_t i = 0; i < parts.second.size(); ++i) {
      const absl::string_view rest = parts.second.substr(i);
      const bool escape = rest.size() > 2 && rest[0] == '%' &&
                          absl::ascii_isxdigit(static_cast<unsigned char>(rest[1])) &&
                          absl::ascii_isxdigit(static_cast<unsigned char>(rest[2]));
      value += escape ? absl::HexStringToBytes(rest.substr(1, 2)) : std::string(1, rest[0] == '+' ? ' ' : rest[0]);
      if (escape) i += 2;
    }
    values[std::string(parts.first)] = std::move(value);
  }
  return values;
}

// Connect's GET: the message stands in the query.
struct SafeCall {
  CallForm form;
  std::string encoding;
  std::string message;
};
OrFault<SafeCall> ReadQuery(const std::string& query) {
  std::map<std::string, std::string> values = QueryOf(query);
  const auto fault = [](const char* what) { return Fault{absl::InvalidArgumentError(what), "BAD_QUERY"}; };
  SafeCall call;
  const std::string& codec = values["encoding"];
  if (codec != "json" && codec != "proto") return fault("the query's \"encoding\" must be json or proto");
  call.form.json = codec == "json";
  if (values.count("connect") > 0 && values["connect"] != "v1") return fault("the query's \"connect\" must be v1");
  if (values.count("message") == 0) return fault("the query has no \"message\"");
  call.encoding = values["compression"];
  call.message = std::move(values["message"]);
  if (values["base64"] != "1") return call;
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(call.message, &bytes)) return fault("the query's \"message\" is not base64url");
  call.message = std::move(bytes);
  return call;
}

// What all protocols have in common once their message is known.
std::variant<CallRequest, HttpAnswer> Finished(const DoorMethod& method, const CallForm& form,
                                               const ReceivedRequest& request, OrFault<std::string> message) {
  if (const auto* fault = std::get_if<Fault>(&message)) return Refusal(form, fault->status, fault->reason);
  const absl::StatusOr<std::optional<absl::Duration>> timeout = TimeoutOf(request, form.protocol);
  if (!timeout.ok()) return Refusal(form, timeout.status(), "BAD_TIMEOUT");
  absl::StatusOr<DoorMetadata> metadata = MetadataOf(request.headers);
  if (!metadata.ok()) return Refusal(form, metadata.status(), "BAD_METADATA");
  OrFault<std::string> wire = WireOf(form, method, std::get<std::string>(std::move(message)));
  if (const auto* fault = std::get_if<Fault>(&wire)) return Refusal(form, fault->status, fault->reason);
  return CallRequest{&method, form, *timeout, *std::move(metadata), std::get<std::string>(std::move(wire))};
}

std::variant<CallRequest, HttpAnswer> ReadSafeCall(const DoorMethod& method, const ReceivedRequest& request,
                                                   const std::string& query, size_t most) {
  OrFault<SafeCall> read = ReadQuery(query);
  if (const auto* fault = std::get_if<Fault>(&read)) return Refusal(CallForm(), fault->status, fault->reason);
  auto& call = std::get<SafeCall>(read);
  call.form.gzip = TakesGzip(HeaderOf(request, "accept-encoding"));
  return Finished(method, call.form, request, Inflated(call.encoding, std::move(call.message), most));
}

HttpAnswer WrongType(const DoorMethod& method) {
  HttpAnswer answer = PlainAnswer(
      415, "UNSUPPORTED_CONTENT_TYPE",
      absl::InvalidArgumentError(absl::StrCat("the request's content-type is none of those that ", method.path,
                                              " takes (Accept-Post); native gRPC has a port of its own")));
  answer.headers.emplace_back("Accept-Post", method.streams ? kStreamTypes : kUnaryTypes);
  return answer;
}

}  // namespace

TargetParts PartsOf(const std::string& target) {
  const std::string whole = target.substr(0, target.find('#'));
  const size_t question = whole.find('?');
  if (question == std::string::npos) return {whole, ""};
  return {whole.substr(0, question), whole.substr(question + 1)};
}

std::variant<CallRequest, HttpAnswer> ReadCall(const DoorMethods& methods, const ReceivedRequest& request,
                                               size_t most_message_bytes) {
  const TargetParts target = PartsOf(request.target);
  const DoorMethod* method = methods.Find(target.path);
  if (method == nullptr) {
    return PlainAnswer(404, "UNKNOWN_METHOD", absl::UnimplementedError("there is no such method here"));
  }
  const bool may_get = method->safe && !method->streams;
  if (request.method == "GET" && may_get) return ReadSafeCall(*method, request, target.query, most_message_bytes);
  if (request.method != "POST") {
    HttpAnswer answer = PlainAnswer(
        405, "WRONG_HTTP_METHOD",
        absl::InvalidArgumentError(may_get ? "ask with POST, or with GET as Connect says" : "ask with POST"));
    answer.headers.emplace_back("Allow", may_get ? "GET, POST" : "POST");
    return answer;
  }
  std::optional<CallForm> form = FormOf(HeaderOf(request, "content-type"), method->streams);
  if (!form.has_value()) return WrongType(*method);
  form->gzip = TakesGzip(HeaderOf(request, AcceptHeader(form->protocol)));
  const std::string version = HeaderOf(request, "connect-protocol-version");
  if (form->protocol != Protocol::kGrpcWeb && !version.empty() && version != "1") {
    return Refusal(*form, absl::InvalidArgumentError("connect-protocol-version must be 1"), "BAD_PROTOCOL_VERSION");
  }
  const std::string encoding = HeaderOf(request, EncodingHeader(form->protocol));
  if (form->protocol == Protocol::kConnectUnary) {
    return Finished(*method, *form, request, Inflated(encoding, request.body, most_message_bytes));
  }
  const std::string outer = HeaderOf(request, "content-encoding");
  if (!outer.empty() && outer != "identity") {
    return Refusal(*form, absl::UnimplementedError("the body as a whole must not be compressed, but each message"),
                   "UNKNOWN_ENCODING");
  }
  return Finished(*method, *form, request, Unwrapped(*form, encoding, request.body, most_message_bytes));
}

}  // namespace sallyport::gateway
