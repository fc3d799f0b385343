#include "gateway/api/door/http_door.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/api/door/answer_forms.h"
#include "gateway/api/door/call_request.h"
#include "gateway/api/door/door_call.h"
#include "gateway/api/door/door_methods.h"
#include "gateway/api/door/door_workers.h"
#include "gateway/api/door/open_api.h"
#include "gateway/api/door/origin_rules.h"
#include "gateway/api/door/services_embedded.h"
#include "gateway/api/door/stream_counts.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kWorkers = 2;
constexpr size_t kRequestsPerConnection = 10000;
constexpr char kOpenApiPath[] = "/openapi.json";

// "127.0.0.1:51514" in gRPC's notation.
std::string GrpcPeer(const std::string& address) {
  return absl::StrCat(absl::StartsWith(address, "[") ? "ipv6:" : "ipv4:", address);
}

std::string WithoutPort(const std::string& address) { return address.substr(0, address.rfind(':')); }

// The answer to GET and HEAD of the page; `page` is its text.
HttpAnswer AnswerPage(const ReceivedRequest& request, const std::string& page) {
  HttpAnswer answer;
  if (request.method != "GET" && request.method != "HEAD") {
    answer.status = 405;
    answer.headers = {{"Allow", "GET, HEAD"}};
    return answer;
  }
  answer.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-cache"}};
  answer.body = page;
  return answer;
}

}  // namespace

// What the handlers of all requests share. Constant once made, but for what is thread-safe.
class HttpDoor::Core {
 public:
  Core(const HttpDoorLimits& limits, OriginRules rules, DoorMethods methods, std::string page, ApiBackend* backend,
       HttpDoorHandlers handlers)
      : rules_(std::move(rules)),
        methods_(std::move(methods)),
        page_(std::move(page)),
        backend_(*backend),
        handlers_(std::move(handlers)),
        most_message_bytes_(limits.most_message_bytes),
        counts_(std::make_shared<StreamCounts>(limits.most_calls, limits.most_client_calls)),
        workers_(kWorkers) {}

  void Handle(const std::shared_ptr<HttpExchange>& exchange);

 private:
  void HandleCall(const std::shared_ptr<HttpExchange>& exchange);
  // Who comes; an error refuses the call.
  absl::StatusOr<ApiVisitor> VisitorOf(const ReceivedRequest& request) const;
  static void Answer(HttpExchange& exchange, HttpAnswer answer);

  const OriginRules rules_;
  const DoorMethods methods_;
  const std::string page_;
  ApiBackend& backend_;
  const HttpDoorHandlers handlers_;
  const size_t most_message_bytes_;
  const std::shared_ptr<StreamCounts> counts_;
  DoorWorkers workers_;
};

void HttpDoor::Core::Handle(const std::shared_ptr<HttpExchange>& exchange) {
  const ReceivedRequest& request = exchange->request();
  if (std::optional<HttpAnswer> refusal = rules_.Refuse(request); refusal.has_value()) {
    return exchange->Answer(*std::move(refusal));
  }
  if (std::optional<HttpAnswer> answer = OriginRules::AnswerPreflight(request); answer.has_value()) {
    return exchange->Answer(*std::move(answer));
  }
  for (const HttpDoorHandlers::PathHandler& handler : handlers_.paths) {
    if (handler(exchange)) return;
  }
  if (PartsOf(request.target).path == kOpenApiPath) return Answer(*exchange, AnswerPage(request, page_));
  HandleCall(exchange);
}

void HttpDoor::Core::HandleCall(const std::shared_ptr<HttpExchange>& exchange) {
  const ReceivedRequest& request = exchange->request();
  std::variant<CallRequest, HttpAnswer> read = ReadCall(methods_, request, most_message_bytes_);
  if (auto* refusal = std::get_if<HttpAnswer>(&read)) return Answer(*exchange, std::move(*refusal));
  auto& call = std::get<CallRequest>(read);
  absl::StatusOr<ApiVisitor> visitor = VisitorOf(request);
  if (!visitor.ok()) {
    return Answer(*exchange, ErrorAnswer(call.form, OwnError(visitor.status(), "BAD_PROOF"), {}));
  }
  std::unique_ptr<StreamCounts::Place> place = counts_->Enter(WithoutPort(request.peer.address));
  if (place == nullptr) {
    const absl::Status full = absl::ResourceExhaustedError("too many calls are open: end some, or come again");
    return Answer(*exchange, ErrorAnswer(call.form, OwnError(full, "TOO_MANY_CALLS"), {}));
  }
  DoorCallParts parts;
  parts.channel = backend_.channel();
  parts.visit = backend_.Announce(*std::move(visitor));
  parts.workers = &workers_;
  parts.place = std::move(place);
  parts.exchange = exchange;
  DoorCall::Start(std::move(call), std::move(parts));
}

absl::StatusOr<ApiVisitor> HttpDoor::Core::VisitorOf(const ReceivedRequest& request) const {
  ApiVisitor visitor;
  for (const auto& [name, value] : request.headers) {
    if (name != "authorization") continue;
    if (visitor.authorization.has_value()) {
      return absl::InvalidArgumentError("a request has one header \"Authorization\" at most");
    }
    visitor.authorization = value;
  }
  visitor.certificates_pem = request.peer.certificates_pem;
  visitor.peer = GrpcPeer(request.peer.address);
  visitor.authority = *request.Header("host");
  if (handlers_.proof == nullptr) return visitor;
  absl::StatusOr<std::optional<Caller>> proved = handlers_.proof(request);
  if (!proved.ok()) return proved.status();
  if (proved->has_value() && visitor.authorization.has_value()) {
    return absl::InvalidArgumentError("a request shows a log-in or an Authorization, and not both");
  }
  visitor.proved = *std::move(proved);
  return visitor;
}

void HttpDoor::Core::Answer(HttpExchange& exchange, HttpAnswer answer) {
  OriginRules::Permit(exchange.request(), answer.headers);
  exchange.Answer(std::move(answer));
}

HttpDoor::HttpDoor(std::unique_ptr<Core> core, std::unique_ptr<HttpServer> server)
    : core_(std::move(core)), server_(std::move(server)) {}

HttpDoor::~HttpDoor() = default;

absl::StatusOr<std::unique_ptr<HttpDoor>> HttpDoor::Start(HttpDoorOptions options, ApiBackend* backend,
                                                          HttpDoorHandlers handlers) {
  absl::StatusOr<DoorMethods> methods = DoorMethods::Of(options.services);
  if (!methods.ok()) return methods.status();
  absl::StatusOr<std::string> page = MakeOpenApi(options.services, EmbeddedServices());
  if (!page.ok()) return page.status();
  absl::StatusOr<OriginRules> rules = OriginRules::Create(options.address, options.origins, options.hosts);
  if (!rules.ok()) return rules.status();
  HttpServerOptions server;
  server.name = "the API";
  server.most_header_bytes = options.limits.most_header_bytes;
  server.most_headers = options.limits.most_headers;
  server.most_body_bytes = options.limits.most_body_bytes;
  server.most_connections = options.limits.most_connections;
  server.requests_per_connection = kRequestsPerConnection;
  server.request_time = options.limits.request_time;
  server.write_time = options.limits.write_time;
  server.tls = std::move(options.tls);
  auto core = std::make_unique<Core>(options.limits, *std::move(rules), *std::move(methods), *std::move(page), backend,
                                     std::move(handlers));
  absl::StatusOr<std::unique_ptr<HttpServer>> listening =
      HttpServer::Start(options.address, std::move(server),
                        [core = core.get()](const std::shared_ptr<HttpExchange>& exchange) { core->Handle(exchange); });
  if (!listening.ok()) return listening.status();
  return std::unique_ptr<HttpDoor>(new HttpDoor(std::move(core), *std::move(listening)));
}

const std::string& HttpDoor::address() const { return server_->address(); }

bool HttpDoor::IsLoopback() const { return server_->IsLoopback(); }

absl::Status HttpDoor::RenewTls(const ServerTlsMaterial& tls) { return server_->RenewTls(tls); }

}  // namespace sallyport::gateway
