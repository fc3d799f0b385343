#include "gateway/operations/tracing/otlp_sink.h"

#include <grpc/impl/codegen/grpc_types.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

constexpr char kMethod[] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
constexpr char kScope[] = "sallyport";
// How often files of certificates are looked at, and how soon a collector that is back is used again.
constexpr unsigned int kReloadSeconds = 5;
constexpr int kFirstRetryMs = 500;
constexpr int kMostRetryMs = 5000;
constexpr int kMostAnswerBytes = 1 << 20;

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const TracingOptions& options) {
  if (!options.tls) return grpc::InsecureChannelCredentials();
  grpc::experimental::TlsChannelCredentialsOptions tls;
  if (!options.ca_file.empty() || !options.cert_file.empty()) {
    tls.set_certificate_provider(std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
        options.key_file, options.cert_file, options.ca_file, kReloadSeconds));
  }
  if (!options.ca_file.empty()) tls.watch_root_certs();
  if (!options.cert_file.empty()) tls.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(tls);
}

std::shared_ptr<grpc::Channel> ChannelOf(const TracingOptions& options) {
  grpc::ChannelArguments arguments;
  // As of channels to upstreams: no events for channelz, no service configuration, no proxy of the environment's.
  arguments.SetInt(GRPC_ARG_MAX_CHANNEL_TRACE_EVENT_MEMORY_PER_NODE, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstRetryMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMostRetryMs);
  arguments.SetMaxReceiveMessageSize(kMostAnswerBytes);
  if (options.tls && !options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
  return grpc::CreateCustomChannel(options.target, CredentialsOf(options), arguments);
}

void AddAttribute(opentelemetry::proto::resource::v1::Resource& resource, const char* key, const std::string& value) {
  opentelemetry::proto::common::v1::KeyValue& attribute = *resource.add_attributes();
  attribute.set_key(key);
  attribute.mutable_value()->set_string_value(value);
}

std::string HostName() {
  std::array<char, 256> name = {};
  // What does not fit is no name that anybody looks for.
  if (gethostname(name.data(), name.size() - 1) != 0) return "";
  return name.data();
}

}  // namespace

OtlpSink::OtlpSink(const TracingOptions& options, absl::Duration timeout)
    : timeout_(timeout), stub_(ChannelOf(options)) {
  opentelemetry::proto::trace::v1::ResourceSpans& spans = *about_.add_resource_spans();
  AddAttribute(*spans.mutable_resource(), "service.name", "sallyport");
  if (const std::string host = HostName(); !host.empty()) AddAttribute(*spans.mutable_resource(), "host.name", host);
  spans.add_scope_spans()->mutable_scope()->set_name(kScope);
}

OtlpSink::~OtlpSink() {
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

absl::Status OtlpSink::Send(std::vector<opentelemetry::proto::trace::v1::Span> spans, uint64_t* rejected) {
  Request request = about_;
  opentelemetry::proto::trace::v1::ScopeSpans& scope = *request.mutable_resource_spans(0)->mutable_scope_spans(0);
  scope.mutable_spans()->Reserve(static_cast<int>(spans.size()));
  for (opentelemetry::proto::trace::v1::Span& span : spans) *scope.add_spans() = std::move(span);
  Response response;
  const grpc::Status status = Call(request, &response);
  if (!status.ok()) {
    return absl::UnavailableError(absl::StrCat("OTLP/gRPC status ", static_cast<int>(status.error_code()), ": ",
                                               status.error_message().substr(0, 400)));
  }
  const int64_t refused = response.partial_success().rejected_spans();
  *rejected = refused < 0 ? 0 : static_cast<uint64_t>(refused);
  return absl::OkStatus();
}

grpc::Status OtlpSink::Call(const Request& request, Response* response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout_));
  {
    absl::MutexLock lock(&mutex_);
    if (cancelled_) return {grpc::StatusCode::CANCELLED, "the gateway stops"};
    under_way_ = &context;
  }
  grpc::Status status;
  const auto call = stub_.PrepareUnaryCall(&context, kMethod, request, &queue_);
  call->StartCall();
  call->Finish(response, &status, this);
  void* tag = nullptr;
  bool ok = false;
  // The one event that there is; it comes by the deadline.
  const bool over = queue_.Next(&tag, &ok);
  {
    absl::MutexLock lock(&mutex_);
    under_way_ = nullptr;
  }
  if (!over || !ok) return {grpc::StatusCode::UNAVAILABLE, "the call did not end"};
  return status;
}

void OtlpSink::Cancel() {
  absl::MutexLock lock(&mutex_);
  cancelled_ = true;
  if (under_way_ != nullptr) under_way_->TryCancel();
}

}  // namespace sallyport::gateway
