// The part of Gateway that lets callers in.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/gateway.h"
#include "gateway/listener/descriptor_limit.h"
#include "gateway/stream_windows.h"

namespace sallyport::gateway {
namespace {

// An idle connection costs some 20 KiB.
constexpr size_t kMostConnectionsByDefault = 16384;

absl::StatusOr<ListenerOptions> ListenerOptionsOf(const GatewayOptions& options) {
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
  return listener;
}

uint64_t MemoryOf(const ListenOptions& listen) {
  return listen.memory_bytes > 0 ? listen.memory_bytes : DefaultMemoryBytes();
}

// All that is fixed for the life of a server: where two differ, another is needed.
std::string WhatServerFixes(const GatewayOptions& options) {
  const ListenOptions& listen = options.listen_options;
  std::string fixed = absl::StrCat(
      options.metadata_bytes, " ", options.message_bytes, " ", options.window, " ", listen.calls_per_connection, " ",
      absl::FormatDuration(options.caller_keepalive_time), " ", absl::FormatDuration(options.caller_keepalive_timeout),
      " ", absl::FormatDuration(listen.handshake), " ", absl::FormatDuration(listen.connection_age), " ",
      absl::FormatDuration(listen.connection_grace));
  if (!options.tls.has_value()) return fixed;
  absl::StrAppend(&fixed, "\n", options.tls->cert_file, "\n", options.tls->key_file, "\n",
                  static_cast<int>(options.tls->callers));
  for (const std::string& file : options.tls->client_ca_files) absl::StrAppend(&fixed, "\n", file);
  return fixed;
}

}  // namespace

absl::Status Gateway::Listen(const GatewayOptions& options, std::vector<Descriptor> inherited,
                             std::vector<HandedSockets> handed) {
  const absl::StatusOr<ListenerOptions> listener = ListenerOptionsOf(options);
  if (!listener.ok()) return listener.status();
  absl::StatusOr<std::unique_ptr<Listener>> opened = handed.empty() ? Listener::Open(*listener, std::move(inherited))
                                                                    : Listener::TakeOver(*listener, std::move(handed));
  if (!opened.ok()) return opened.status();
  listener_ = *std::move(opened);
  memory_ = std::make_unique<MemoryBudget>(MemoryOf(options.listen_options));
  return absl::OkStatus();
}

absl::StatusOr<ServedCallers> Gateway::MakeServer(const GatewayOptions& options) {
  ServedCallers made;
  std::shared_ptr<grpc::ServerCredentials> credentials;
  if (options.tls.has_value()) {
    absl::StatusOr<std::unique_ptr<ServerTls>> tls = ServerTls::Create(*options.tls);
    if (!tls.ok()) return tls.status();
    made.tls = *std::move(tls);
    credentials = made.tls->Credentials();
  }
  RelayContext context = context_;
  context.most_message_bytes = options.message_bytes;
  context.calls_per_connection = options.listen_options.calls_per_connection;
  context.connection_life = options.listen_options.LongestCall();
  made.service = std::make_unique<RelayService>(context);
  CallServerOptions server;
  server.metadata_bytes = options.metadata_bytes;
  server.calls_per_connection = options.listen_options.calls_per_connection;
  server.keepalive_time = options.caller_keepalive_time;
  server.keepalive_timeout = options.caller_keepalive_timeout;
  server.handshake = options.listen_options.handshake;
  server.connection_age = options.listen_options.connection_age;
  server.connection_grace = options.listen_options.connection_grace;
  absl::StatusOr<std::unique_ptr<CallServer>> started =
      CallServer::Start(server, std::move(credentials), made.service.get());
  if (!started.ok()) return started.status();
  made.server = *std::move(started);
  return made;
}

absl::Status Gateway::Serve(const GatewayOptions& options) {
  absl::StatusOr<ServedCallers> made = MakeServer(options);
  if (!made.ok()) return made.status();
  servers_.Use(*std::move(made), *listener_);
  server_made_ = WhatServerFixes(options);
  drain_ = options.drain;
  return absl::OkStatus();
}

absl::StatusOr<Gateway::NextListening> Gateway::PrepareListening(const GatewayOptions& options) {
  NextListening next;
  const absl::StatusOr<ListenerOptions> listener = ListenerOptionsOf(options);
  if (!listener.ok()) return listener.status();
  absl::StatusOr<Listener::Next> prepared = listener_->Prepare(*listener);
  if (!prepared.ok()) return prepared.status();
  next.listener = *std::move(prepared);
  if (WhatServerFixes(options) != server_made_) {
    absl::StatusOr<ServedCallers> made = MakeServer(options);
    if (!made.ok()) return made.status();
    next.server = *std::move(made);
  }
  next.other_admin = options.admin_address != admin_made_;
  if (next.other_admin && !options.admin_address.empty()) {
    absl::StatusOr<std::unique_ptr<AdminServer>> admin = StartAdmin(options.admin_address);
    if (!admin.ok()) return admin.status();
    next.admin = *std::move(admin);
  }
  return next;
}

void Gateway::TakeUpListening(const GatewayOptions& options, NextListening next) {
  SetStreamWindow(options.window);
  window_ = options.window;
  // Before the addresses: what comes over new ones is served by the new settings.
  if (next.server.has_value()) {
    servers_.Use(*std::move(next.server), *listener_);
    server_made_ = WhatServerFixes(options);
  }
  const std::vector<std::string> former = listener_->addresses();
  listener_->Change(std::move(next.listener));
  if (listener_->addresses() != former) {
    for (const std::string& address : listener_->addresses()) spdlog::info("listening on {}", address);
  }
  if (next.other_admin) {
    admin_ = std::move(next.admin);
    admin_made_ = options.admin_address;
    spdlog::info("admin endpoint on {}", admin_ == nullptr ? "no address" : admin_->address());
  }
  memory_->SetBytes(MemoryOf(options.listen_options));
  sessions_->SetIdle(options.session_idle);
  refusals_->SetLimits(options.refusals);
  if (api_ != nullptr) api_->SetRefusals(options.refusals);
  drain_ = options.drain;
  health_->SetOpen(options.listen_options.open_health);
}

absl::Status Gateway::Ready() const {
  if (draining_) return absl::UnavailableError("draining");
  if (recorder_ != nullptr) {
    if (absl::Status log = recorder_->Health(); !log.ok()) {
      return absl::UnavailableError(absl::StrCat("the log cannot be written: ", log.message()));
    }
  }
  return listener_->Accepting();
}

}  // namespace sallyport::gateway
