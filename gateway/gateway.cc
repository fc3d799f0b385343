#include "gateway/gateway.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

namespace sallyport::gateway {
namespace {

std::shared_ptr<grpc::ServerCredentials> CredentialsOf(const GatewayOptions& options) {
  if (!options.tls) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions ssl(options.client_ca_pem.empty()
                                            ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                            : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  ssl.pem_root_certs = options.client_ca_pem;
  ssl.pem_key_cert_pairs.push_back({options.key_pem, options.cert_pem});
  return grpc::SslServerCredentials(ssl);
}

// "host:0" with the port that was taken.
std::string WithPort(std::string address, int port) {
  if (absl::StartsWith(address, "unix")) return address;
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(const GatewayOptions& options) {
  std::unique_ptr<Gateway> gateway(new Gateway);
  if (absl::Status status = gateway->OpenRecorder(options); !status.ok()) return status;
  if (absl::Status status = gateway->MakeUpstreams(options); !status.ok()) return status;
  if (absl::Status status = gateway->LoadDescriptors(options); !status.ok()) return status;
  gateway->sessions_ = std::make_unique<Sessions>(options.session_idle);
  gateway->headers_timer_ = std::make_unique<HeadersTimer>();
  RelayContext context;
  context.recorder = gateway->recorder_.get();
  context.durability = options.durability;
  context.routes = gateway->routes_.get();
  context.catalog = gateway->catalog_.get();
  context.sessions = gateway->sessions_.get();
  context.headers_timer = gateway->headers_timer_.get();
  gateway->service_ = std::make_unique<RelayService>(context);
  if (absl::Status status = gateway->ServeAdmin(options); !status.ok()) return status;
  if (absl::Status status = gateway->Listen(options); !status.ok()) return status;
  return gateway;
}

absl::Status Gateway::OpenRecorder(const GatewayOptions& options) {
  if (options.durability == Durability::kOff) {
    spdlog::warn("durability is off: calls are relayed and NOT recorded");
    return absl::OkStatus();
  }
  recorder::RecorderOptions recorder_options;
  recorder_options.directory = options.data_directory;
  recorder_options.keys = options.keys;
  recorder_options.buffer_bytes = options.buffer_bytes;
  recorder_options.segment_bytes = options.segment_bytes;
  recorder_options.retention = options.retention;
  absl::StatusOr<std::vector<std::shared_ptr<recorder::CheckpointSink>>> sinks =
      MakeCheckpointSinks(options.checkpoints);
  if (!sinks.ok()) return sinks.status();
  recorder_options.checkpoint_sinks = *std::move(sinks);
  recorder_options.checkpoint_interval = options.checkpoints.interval;
  absl::StatusOr<std::unique_ptr<recorder::Recorder>> recorder = recorder::Recorder::Open(recorder_options);
  if (!recorder.ok()) return recorder.status();
  recorder_ = *std::move(recorder);
  return absl::OkStatus();
}

absl::Status Gateway::MakeUpstreams(const GatewayOptions& options) {
  if (options.token_signing.has_value()) {
    absl::StatusOr<std::unique_ptr<TokenSigner>> signer = TokenSigner::Create(*options.token_signing, absl::Now());
    if (!signer.ok()) return signer.status();
    token_signer_ = *std::move(signer);
  }
  for (const UpstreamOptions& upstream_options : options.upstreams) {
    absl::StatusOr<std::unique_ptr<Upstream>> upstream = Upstream::Create(upstream_options, token_signer_.get());
    if (!upstream.ok()) return upstream.status();
    upstreams_.push_back(*std::move(upstream));
  }
  std::vector<RouteRule> rules;
  for (const RouteOptions& route : options.routes) {
    RouteRule rule;
    rule.services.assign(route.match.services().begin(), route.match.services().end());
    rule.methods.assign(route.match.methods().begin(), route.match.methods().end());
    rule.authorities.assign(route.match.authorities().begin(), route.match.authorities().end());
    rule.metadata.assign(route.match.metadata().begin(), route.match.metadata().end());
    rule.forward_authorization = route.match.forward_authorization();
    for (const std::unique_ptr<Upstream>& upstream : upstreams_) {
      if (upstream->name() == route.upstream) rule.upstream = upstream.get();
    }
    rules.push_back(std::move(rule));
  }
  routes_ = std::make_unique<Routes>(std::move(rules));
  return absl::OkStatus();
}

absl::Status Gateway::LoadDescriptors(const GatewayOptions& options) {
  catalog_ = std::make_unique<MethodCatalog>([this](const policy::Descriptors& descriptors) {
    if (recorder_ == nullptr || descriptors.version().empty()) return absl::OkStatus();
    return recorder_->KeepDescriptors(descriptors.version(), descriptors.serialized());
  });
  for (const std::string& path : options.descriptor_files) {
    absl::StatusOr<std::shared_ptr<const policy::Descriptors>> descriptors = policy::Descriptors::Load(path);
    if (!descriptors.ok()) return descriptors.status();
    if (absl::Status status = catalog_->Update(path, *std::move(descriptors)); !status.ok()) return status;
  }
  std::vector<ReflectionRefresher::Source> sources;
  for (const ReflectionOptions& reflection : options.reflection) {
    for (const std::unique_ptr<Upstream>& upstream : upstreams_) {
      if (upstream->name() == reflection.upstream) {
        sources.push_back({upstream.get(), reflection.refresh, reflection.optional});
      }
    }
  }
  refresher_ = std::make_unique<ReflectionRefresher>(std::move(sources), catalog_.get());
  return absl::OkStatus();
}

absl::Status Gateway::ServeAdmin(const GatewayOptions& options) {
  if (options.admin_address.empty()) return absl::OkStatus();
  constexpr absl::Duration kKeysKept = absl::Minutes(1);
  AdminServer::Handlers handlers;
  if (token_signer_ != nullptr) {
    handlers["/.well-known/jwks.json"] = [signer = token_signer_.get()] {
      return AdminAnswer{200, "application/jwk-set+json", signer->KeySet(absl::Now()), kKeysKept};
    };
    handlers["/.well-known/openid-configuration"] = [signer = token_signer_.get()] {
      return AdminAnswer{200, "application/json", signer->ProviderMetadata(), kKeysKept};
    };
  }
  absl::StatusOr<std::unique_ptr<AdminServer>> admin = AdminServer::Start(options.admin_address, std::move(handlers));
  if (!admin.ok()) return admin.status();
  admin_ = *std::move(admin);
  return absl::OkStatus();
}

absl::Status Gateway::Listen(const GatewayOptions& options) {
  grpc::ServerBuilder builder;
  builder.RegisterCallbackGenericService(service_.get());
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.message_bytes));
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(options.metadata_bytes));
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  // A port that another process listens on is an error, not something to share.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Callers keep their connections alive as they did with the upstream; the default would cut those that ping often.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
  std::shared_ptr<grpc::ServerCredentials> credentials = CredentialsOf(options);
  std::vector<int> ports(options.listen.size(), 0);
  for (size_t i = 0; i < options.listen.size(); ++i) {
    builder.AddListeningPort(options.listen[i], credentials, &ports[i]);
  }
  server_ = builder.BuildAndStart();
  for (size_t i = 0; i < options.listen.size(); ++i) {
    if (server_ == nullptr || ports[i] == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", options.listen[i],
                       ": is the address this machine's, the port free, and are certificate and key in order?"));
    }
    addresses_.push_back(WithPort(options.listen[i], ports[i]));
  }
  return absl::OkStatus();
}

absl::Status Gateway::Shutdown(absl::Duration grace) {
  refresher_ = nullptr;
  if (server_ != nullptr) {
    server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
    server_ = nullptr;
  }
  admin_ = nullptr;
  if (recorder_ == nullptr) return absl::OkStatus();
  absl::Status status = recorder_->Flush();
  recorder_ = nullptr;
  return status;
}

Gateway::~Gateway() {
  absl::Status status = Shutdown(absl::ZeroDuration());
  if (!status.ok()) spdlog::error("the log could not be written out: {}", status.ToString());
}

}  // namespace sallyport::gateway
