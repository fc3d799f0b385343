#include "gateway/listener/call_server.h"

#include <grpc/grpc.h>
#include <grpcpp/server_posix.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "gateway/listener/listen_options.h"
#include "gateway/operations/lifetime/goaways.h"
#include "gateway/stream_windows.h"

namespace sallyport::gateway {
namespace {

// Calls are ended by the relay, and only connections by gRPC.
constexpr absl::Duration kRelayEndsFirst = absl::Seconds(5);

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(std::min<int64_t>(absl::ToInt64Milliseconds(duration), std::numeric_limits<int>::max()));
}

int Count(uint32_t count) { return static_cast<int>(std::min<uint32_t>(count, std::numeric_limits<int>::max())); }

}  // namespace

absl::StatusOr<std::unique_ptr<CallServer>> CallServer::Start(const CallServerOptions& options,
                                                              std::shared_ptr<grpc::ServerCredentials> credentials,
                                                              grpc::CallbackGenericService* service) {
  std::unique_ptr<CallServer> made(new CallServer);
  grpc::ServerBuilder builder;
  builder.RegisterCallbackGenericService(service);
  builder.SetMaxReceiveMessageSize(-1);  // RelayedCall refuses what is too large
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(options.metadata_bytes));
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  // RelayedCall keeps deadlines. The library would tell a caller of one that passes while the call's end, which is
  // another by then, is on its way to the log.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 0);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Milliseconds(options.handshake));
  // For callers that keep to it. The gateway counts too, for those that do not.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, Count(options.calls_per_connection));
  if (options.connection_age != absl::InfiniteDuration()) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, Milliseconds(options.connection_age));
    builder.AddChannelArgument(
        GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
        Milliseconds(options.connection_grace + 2 * kConnectionAgeSpread * options.connection_age + kRelayEndsFirst));
  }
  // Callers keep their connections alive as they did with the upstream; the default would cut those that ping often.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
  // Callers that vanish are noticed, so that their calls end: within the two together, and also in silence, in which
  // the library would stop after two pings.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive_time));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(options.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  BoundStreamWindows(builder);
  made->plaintext_ = credentials == nullptr;
  if (credentials == nullptr) credentials = grpc::InsecureServerCredentials();
  made->acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, std::move(credentials));
  made->server_ = builder.BuildAndStart();
  if (made->server_ == nullptr) {
    return absl::InternalError("gRPC could not make a server: are certificate and key in order?");
  }
  return made;
}

CallServer::~CallServer() { Shutdown(absl::InfinitePast()); }

void CallServer::Take(int fd, SocketKind kind) {
  if (kind == SocketKind::kUnix && plaintext_) return grpc::AddInsecureChannelFromFd(server_.get(), fd);
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.fd = fd;
  acceptor_->HandleNewConnection(&connection);
}

bool CallServer::AskToGo() {
  absl::MutexLock lock(&mutex_);
  return server_ == nullptr || SendGoaways(*server_);
}

void CallServer::Shutdown(absl::Time deadline) {
  if (server_ == nullptr) return;
  // InfinitePast is before what a deadline of gRPC can say.
  server_->Shutdown(absl::ToChronoTime(std::max(deadline, absl::UnixEpoch())));
  std::unique_ptr<grpc::Server> over;
  absl::MutexLock lock(&mutex_);
  over.swap(server_);
}

void CallServer::CutConnections() {
  absl::MutexLock lock(&mutex_);
  if (server_ != nullptr) grpc_server_cancel_all_calls(server_->c_server());
}

}  // namespace sallyport::gateway
