#include "gateway/api/api_server.h"

#include <grpc/grpc.h>
#include <grpcpp/server_posix.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/listener/descriptor_limit.h"
#include "gateway/stream_windows.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kThreads = 8;
// Each is a call that has come in and has no thread yet.
constexpr size_t kMostWaiting = 4096;
constexpr int kMetadataBytes = 64 << 10;
constexpr absl::Duration kHandshake = absl::Seconds(10);
constexpr absl::Duration kSilence = absl::Seconds(60);
constexpr absl::Duration kAnswer = absl::Seconds(20);
// What calls may take to hear that they are over, before they are cut.
constexpr absl::Duration kFarewell = absl::Seconds(5);

int Milliseconds(absl::Duration duration) { return static_cast<int>(absl::ToInt64Milliseconds(duration)); }

ListenerOptions ListeningOn(const std::string& address) {
  ListenerOptions options;
  options.addresses = {address};
  options.connections = ApiServer::kMostConnections;
  options.connections_per_peer = ApiServer::kMostConnections / 2;
  options.descriptors = DescriptorsForConnections(RaiseDescriptorLimit());
  options.handshake = kHandshake;
  return options;
}

}  // namespace

class ApiServer::Taker final : public ConnectionTaker {
 public:
  Taker(Visitors* visitors, grpc::Server* server, grpc::experimental::ExternalConnectionAcceptor* acceptor)
      : visitors_(visitors), server_(server), acceptor_(acceptor) {}

  void Take(int fd, SocketKind kind) override {
    if (kind == SocketKind::kUnix) {
      if (!visitors_->TakeLocal(fd)) {
        close(fd);
        return;
      }
      return grpc::AddInsecureChannelFromFd(server_, fd);
    }
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.fd = fd;
    acceptor_->HandleNewConnection(&connection);
  }

  // Kept with who hands it connections.
  void Keep(std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor) { kept_ = std::move(acceptor); }

 private:
  Visitors* const visitors_;
  grpc::Server* const server_;
  grpc::experimental::ExternalConnectionAcceptor* const acceptor_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> kept_;
};

ApiServer::ApiServer(const ApiParts& parts, const std::string& socket, std::unique_ptr<Sources> sources,
                     std::shared_ptr<const policy::Descriptors> descriptors)
    : visitors_(socket),
      sources_(std::move(sources)),
      refusals_(parts.refusals, parts.recorder),
      looks_(parts.recorder, &refusals_, std::string(descriptors->version())),
      pool_(kThreads, kMostWaiting),
      entrance_(parts.rules, &refusals_, &looks_, &pool_),
      calls_([this](const grpc::CallbackServerContext& context) { return visitors_.Of(context, absl::Now()); },
             &entrance_, &looks_),
      audit_(&calls_, sources_.get()),
      policies_(&calls_, parts.operations),
      operations_(&calls_, parts.operations),
      health_([recorder = parts.recorder] { return recorder->Health(); }),
      reflection_(std::move(descriptors)) {}

absl::StatusOr<std::unique_ptr<ApiServer>> ApiServer::Start(const ApiOptions& options, const ApiParts& parts) {
  absl::StatusOr<std::shared_ptr<const policy::Descriptors>> descriptors =
      policy::Descriptors::Create(ApiFiles(), "the gateway's own services");
  if (!descriptors.ok()) return descriptors.status();
  const absl::Status kept = parts.recorder->KeepDescriptors((*descriptors)->version(), (*descriptors)->serialized(),
                                                            recorder::DescriptorOrigin::kOperator);
  if (!kept.ok()) return kept;
  absl::StatusOr<std::unique_ptr<Sources>> sources = Sources::Open(parts.data_directory, parts.keys);
  if (!sources.ok()) return sources.status();
  const std::string socket = absl::StrCat(parts.data_directory, "/", kSocketName);
  std::unique_ptr<ApiServer> server(new ApiServer(parts, socket, *std::move(sources), *std::move(descriptors)));
  if (absl::Status status = server->BuildServer(options); !status.ok()) return status;
  server->socket_ = socket;
  if (absl::Status status = server->Listen(options); !status.ok()) return status;
  return server;
}

absl::Status ApiServer::BuildServer(const ApiOptions& options) {
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (options.tls.has_value()) {
    absl::StatusOr<std::unique_ptr<ServerTls>> tls = ServerTls::Create(*options.tls);
    if (!tls.ok()) return tls.status();
    tls_ = *std::move(tls);
    credentials = tls_->Credentials();
  }
  grpc::ServerBuilder builder;
  builder.RegisterService(&audit_);
  builder.RegisterService(&policies_);
  builder.RegisterService(&operations_);
  builder.RegisterService(&health_);
  builder.RegisterCallbackGenericService(&reflection_);
  builder.SetMaxReceiveMessageSize(kMostRequestBytes);
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(ApiCalls::kMostOfOne));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Milliseconds(kHandshake));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kSilence));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kAnswer));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  BoundStreamWindows(builder);
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor =
      builder.experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, std::move(credentials));
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    return absl::InternalError("api: gRPC could not make a server: are certificate and key in order?");
  }
  taker_ = std::make_shared<Taker>(&visitors_, server_.get(), acceptor.get());
  taker_->Keep(std::move(acceptor));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  channel_ = server_->InProcessChannel(arguments);
  return absl::OkStatus();
}

absl::Status ApiServer::Listen(const ApiOptions& options) {
  const std::string path = std::exchange(socket_, "");
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    spdlog::warn("api: {} is too long for a UNIX socket, so there is none: the record is shown over the network only",
                 path);
  } else if (absl::StatusOr<std::unique_ptr<Listener>> opened =
                 Listener::Open(ListeningOn(absl::StrCat("unix:", path)), {});
             !opened.ok()) {
    spdlog::warn("api: there is no UNIX socket: {}", opened.status().ToString());
  } else if (chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0) {
    // In a directory that is the gateway's alone it would do no harm, but that is not for here to know.
    spdlog::warn("api: there is no UNIX socket: {}: chmod: {}", path, std::strerror(errno));
  } else {
    socket_listener_ = *std::move(opened);
    socket_listener_->Serve(taker_);
    socket_ = path;
  }
  if (options.grpc.empty()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<Listener>> opened = Listener::Open(ListeningOn(options.grpc), {});
  if (!opened.ok()) return absl::Status(opened.status().code(), absl::StrCat("api.grpc: ", opened.status().message()));
  listener_ = *std::move(opened);
  listener_->Serve(taker_);
  grpc_address_ = listener_->addresses().front();
  return absl::OkStatus();
}

std::string ApiServer::Announce(ApiVisitor visitor) { return visitors_.Announce(std::move(visitor), absl::Now()); }

ApiServer::~ApiServer() {
  // Before the server: a connection that comes behind its Shutdown would be forgotten by gRPC.
  listener_ = nullptr;
  socket_listener_ = nullptr;
  calls_.Close();
  channel_ = nullptr;
  if (server_ != nullptr) server_->Shutdown(absl::ToChronoTime(absl::Now() + kFarewell));
  server_ = nullptr;
  taker_ = nullptr;
  refusals_.Stop();
}

}  // namespace sallyport::gateway
