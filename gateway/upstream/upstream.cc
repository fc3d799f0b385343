#include "gateway/upstream/upstream.h"

#include <grpc/compression.h>
#include <grpc/impl/codegen/grpc_types.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {

absl::StatusOr<std::unique_ptr<Upstream>> Upstream::Create(UpstreamOptions options) {
  if (options.target.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("upstream ", options.name,
                                                   ": target is empty: give host:port or any "
                                                   "other target gRPC understands"));
  }
  if (options.cert_pem.empty() != options.key_pem.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("upstream ", options.name, ": tls needs both cert and key, or neither"));
  }
  return std::unique_ptr<Upstream>(new Upstream(std::move(options)));
}

grpc::GenericStub& Upstream::Stub(uint32_t accepted) {
  accepted = (accepted | (1u << GRPC_COMPRESS_NONE)) % kEncodingSets;
  if (grpc::GenericStub* stub = stubs_[accepted].load(std::memory_order_acquire)) return *stub;
  absl::MutexLock lock(&mutex_);
  if (owned_[accepted] == nullptr) {
    owned_[accepted] = std::make_unique<grpc::GenericStub>(MakeChannel(accepted));
    stubs_[accepted].store(owned_[accepted].get(), std::memory_order_release);
  }
  return *owned_[accepted];
}

std::shared_ptr<grpc::Channel> Upstream::MakeChannel(uint32_t accepted) const {
  grpc::ChannelArguments arguments;
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
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (options_.tls) {
    grpc::SslCredentialsOptions ssl;
    ssl.pem_root_certs = options_.ca_pem;
    ssl.pem_cert_chain = options_.cert_pem;
    ssl.pem_private_key = options_.key_pem;
    credentials = grpc::SslCredentials(ssl);
    if (!options_.server_name.empty()) arguments.SetSslTargetNameOverride(options_.server_name);
  }
  return grpc::CreateCustomChannel(options_.target, credentials, arguments);
}

}  // namespace sallyport::gateway
