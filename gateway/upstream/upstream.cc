#include "gateway/upstream/upstream.h"

#include <grpc/compression.h>
#include <grpc/impl/codegen/grpc_types.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

std::shared_ptr<grpc::ChannelCredentials> ChannelCredentialsOf(const UpstreamOptions& options) {
  if (!options.tls) return grpc::InsecureChannelCredentials();
  if (options.ca_file.empty() && options.cert_file.empty()) return grpc::SslCredentials({});
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_certificate_provider(std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      options.key_file, options.cert_file, options.ca_file,
      static_cast<unsigned int>(absl::ToInt64Seconds(options.reload))));
  if (!options.ca_file.empty()) tls.watch_root_certs();
  if (!options.cert_file.empty()) tls.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(tls);
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
  return std::unique_ptr<Upstream>(new Upstream(std::move(options), nullptr, server));
}

Upstream::Upstream(UpstreamOptions options, std::unique_ptr<UpstreamCredentials> credentials, grpc::Server* server)
    : options_(std::move(options)),
      credentials_(std::move(credentials)),
      channel_credentials_(ChannelCredentialsOf(options_)),
      server_(server) {}

Upstream::Connection& Upstream::Connected(uint32_t accepted) {
  accepted = (accepted | (1u << GRPC_COMPRESS_NONE)) % kEncodingSets;
  if (Connection* connection = connections_[accepted].load(std::memory_order_acquire)) return *connection;
  absl::MutexLock lock(&mutex_);
  if (owned_[accepted] == nullptr) {
    owned_[accepted] = std::make_unique<Connection>(MakeChannel(accepted));
    connections_[accepted].store(owned_[accepted].get(), std::memory_order_release);
  }
  return *owned_[accepted];
}

std::shared_ptr<grpc::Channel> Upstream::MakeChannel(uint32_t accepted) const {
  grpc::ChannelArguments arguments;
  if (server_ != nullptr) {
    arguments.SetMaxReceiveMessageSize(-1);
    return server_->InProcessChannel(arguments);
  }
  arguments.SetLoadBalancingPolicyName(options_.load_balancing);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(options_.message_bytes));
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(options_.metadata_bytes));
  // Bytes pass as they are: no inflating, no retrying, no service configuration from DNS, no proxy of the
  // environment's.
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, static_cast<int>(accepted));
  if (options_.tls && !options_.server_name.empty()) arguments.SetSslTargetNameOverride(options_.server_name);
  return grpc::CreateCustomChannel(options_.target, channel_credentials_, arguments);
}

}  // namespace sallyport::gateway
