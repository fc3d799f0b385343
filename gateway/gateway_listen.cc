// The part of Gateway that lets callers in.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/gateway.h"
#include "gateway/listener/descriptor_limit.h"

namespace sallyport::gateway {
namespace {

// An idle connection costs some 20 KiB.
constexpr size_t kMostConnectionsByDefault = 16384;

}  // namespace

absl::Status Gateway::Listen(const GatewayOptions& options, std::vector<Descriptor> inherited) {
  const ListenOptions& listen = options.listen_options;
  ListenerOptions listener;
  listener.addresses = options.listen;
  listener.trusted_proxies = listen.trusted_proxies;
  listener.descriptors = DescriptorsForConnections(RaiseDescriptorLimit());
  if (listen.connections > listener.descriptors) {
    return absl::InvalidArgumentError(absl::StrCat("limits.connections: ", listen.connections, " is more than ",
                                                   listener.descriptors,
                                                   ", what the limit of descriptors allows (RLIMIT_NOFILE)"));
  }
  listener.connections =
      listen.connections > 0 ? listen.connections : std::min(listener.descriptors, kMostConnectionsByDefault);
  listener.connections_per_peer =
      listen.connections_per_peer > 0 ? listen.connections_per_peer : std::max<size_t>(1, listener.connections / 2);
  listener.handshake = listen.handshake;
  listener.unix_by_descriptor = !options.tls.has_value();
  absl::StatusOr<std::unique_ptr<Listener>> opened = Listener::Open(listener, std::move(inherited));
  if (!opened.ok()) return opened.status();
  listener_ = *std::move(opened);
  memory_ = std::make_unique<MemoryBudget>(listen.memory_bytes > 0 ? listen.memory_bytes : DefaultMemoryBytes());
  return absl::OkStatus();
}

absl::Status Gateway::Serve(const GatewayOptions& options) {
  std::shared_ptr<grpc::ServerCredentials> credentials;
  if (options.tls.has_value()) {
    absl::StatusOr<std::unique_ptr<ServerTls>> tls = ServerTls::Create(*options.tls);
    if (!tls.ok()) return tls.status();
    tls_ = *std::move(tls);
    shown_tls_ = tls_.get();
    credentials = tls_->Credentials();
  }
  CallServerOptions server;
  server.metadata_bytes = options.metadata_bytes;
  server.calls_per_connection = options.listen_options.calls_per_connection;
  server.keepalive_time = options.caller_keepalive_time;
  server.keepalive_timeout = options.caller_keepalive_timeout;
  server.handshake = options.listen_options.handshake;
  server.connection_age = options.listen_options.connection_age;
  server.connection_grace = options.listen_options.connection_grace;
  absl::StatusOr<std::unique_ptr<CallServer>> started =
      CallServer::Start(server, std::move(credentials), service_.get());
  if (!started.ok()) return started.status();
  server_ = *std::move(started);
  listener_->Serve(server_);
  return absl::OkStatus();
}

absl::Status Gateway::Ready() const {
  if (recorder_ != nullptr) {
    if (absl::Status log = recorder_->Health(); !log.ok()) {
      return absl::UnavailableError(absl::StrCat("the log cannot be written: ", log.message()));
    }
  }
  return listener_->Accepting();
}

}  // namespace sallyport::gateway
