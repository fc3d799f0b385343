#include "gateway/upstream/upstream.h"

#include <grpc/compression.h>
#include <grpc/impl/codegen/grpc_types.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/stream_windows.h"
#include "gateway/upstream/authority.h"

namespace sallyport::gateway {
namespace {

// How soon an upstream that is back is used again: the library's own are 20 s for a connection to come up, and 2
// minutes between tries.
constexpr int kConnectTimeoutMs = 5000;
constexpr int kFirstRetryMs = 500;
constexpr int kMostRetryMs = 2000;

// The name that the upstream's certificate is to have.
std::string VerifiedName(const UpstreamOptions& options) {
  if (!options.server_name.empty()) return options.server_name;
  return std::string(HostOf(options.authority.empty() ? TargetAuthority(options.target) : options.authority));
}

std::shared_ptr<grpc::ChannelCredentials> ChannelCredentialsOf(const UpstreamOptions& options) {
  if (!options.tls) return grpc::InsecureChannelCredentials();
  grpc::experimental::TlsChannelCredentialsOptions tls;
  if (!options.ca_file.empty() || !options.cert_file.empty()) {
    tls.set_certificate_provider(std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
        options.key_file, options.cert_file, options.ca_file,
        static_cast<unsigned int>(absl::ToInt64Seconds(options.reload))));
  }
  if (!options.ca_file.empty()) tls.watch_root_certs();
  if (!options.cert_file.empty()) tls.watch_identity_key_cert_pairs();
  // The certificate is checked against the name when the connection comes up. What a call's authority is says nothing
  // about who answers.
  tls.set_check_call_host(false);
  return grpc::experimental::TlsCredentials(tls);
}

std::optional<StreamLimitTls> StreamLimitTlsOf(const UpstreamOptions& options) {
  if (!options.tls) return std::nullopt;
  return StreamLimitTls{options.ca_file, options.cert_file, options.key_file, VerifiedName(options)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Upstream>> Upstream::Create(UpstreamOptions options, TokenSigner* signer) {
  if (options.target.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("upstream ", options.name,
                                                   ": target is empty: give host:port or any "
                                                   "other target gRPC understands"));
  }
  if (options.cert_file.empty() != options.key_file.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("upstream ", options.name, ": tls needs both cert and key, or neither"));
  }
  std::unique_ptr<UpstreamCredentials> credentials;
  if (options.credentials.has_value()) {
    absl::StatusOr<std::unique_ptr<UpstreamCredentials>> made =
        UpstreamCredentials::Create(options.name, *options.credentials, signer);
    if (!made.ok()) return made.status();
    credentials = *std::move(made);
  }
  return std::unique_ptr<Upstream>(new Upstream(std::move(options), std::move(credentials), nullptr));
}

std::unique_ptr<Upstream> Upstream::InProcess(const std::string& name, grpc::Server* server) {
  UpstreamOptions options;
  options.name = name;
  options.target = "inproc";
  // Its transport has no HTTP/2 and no limit.
  options.connections.streams = kNoStreamLimit;
  options.retry_bytes = 0;
  return std::unique_ptr<Upstream>(new Upstream(std::move(options), nullptr, server));
}

Upstream::Upstream(UpstreamOptions options, std::unique_ptr<UpstreamCredentials> credentials, grpc::Server* server)
    : options_(std::move(options)),
      credentials_(std::move(credentials)),
      channel_credentials_(ChannelCredentialsOf(options_)),
      server_(server),
      connections_(options_.name, options_.target, IsName(options_.target), options_.connections,
                   StreamLimitTlsOf(options_),
                   [this](ChannelKind kind, const std::string& connection) { return MakeChannel(kind, connection); }) {}

std::string_view Upstream::AuthorityFor(std::string_view sent) const {
  if (!options_.authority.empty()) return options_.authority;
  return !options_.tls && IsAuthority(sent) ? sent : std::string_view();
}

std::optional<absl::StatusOr<StreamLease>> Upstream::Reserve(const Needs& needs,
                                                             absl::FunctionRef<UpstreamConnections::Later()> wait) {
  ChannelKind kind;
  kind.encodings = needs.accepted | (1u << GRPC_COMPRESS_NONE);
  return connections_.Reserve(kind, needs.identity, needs.peer, wait);
}

std::shared_ptr<grpc::Channel> Upstream::MakeChannel(ChannelKind kind, const std::string& connection) const {
  grpc::ChannelArguments arguments;
  // No events for channelz: the library writes them while it tells of them, and what is told then may be freed already
  // (channel_trace.cc of gRPC 1.51 locks nothing). channel_sockets.h reads of all channels of the process.
  arguments.SetInt(GRPC_ARG_MAX_CHANNEL_TRACE_EVENT_MEMORY_PER_NODE, 0);
  if (server_ != nullptr) {
    arguments.SetMaxReceiveMessageSize(-1);
    return server_->InProcessChannel(arguments);
  }
  arguments.SetLoadBalancingPolicyName(options_.load_balancing);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(options_.message_bytes));
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(options_.metadata_bytes));
  // Bytes pass as they are: no inflating, no service configuration from DNS, and so no retrying by policy, no proxy of
  // the environment's.
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, static_cast<int>(kind.encodings));
  // What the upstream has not processed is sent again by the relay: the library's own way has a fatal fault
  // (attempt_watch.h).
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstRetryMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMostRetryMs);
  if (options_.keepalive_time < absl::InfiniteDuration()) {
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(absl::ToInt64Milliseconds(options_.keepalive_time)));
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                     static_cast<int>(absl::ToInt64Milliseconds(options_.keepalive_timeout)));
    // The library would stop after two on a silent connection.
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  }
  BoundStreamWindows(arguments);
  // No meaning but that channels that differ in it have connections of their own.
  arguments.SetString("sallyport.connection", connection);
  if (options_.tls && (!options_.server_name.empty() || !options_.authority.empty())) {
    arguments.SetSslTargetNameOverride(VerifiedName(options_));
  }
  if (!options_.authority.empty()) arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, options_.authority);
  return grpc::CreateCustomChannel(options_.target, channel_credentials_, arguments);
}

}  // namespace sallyport::gateway
