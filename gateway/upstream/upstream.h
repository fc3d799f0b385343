// An upstream: the service calls go to, and the channels to it.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_UPSTREAM_H_
#define SALLYPORT_GATEWAY_UPSTREAM_UPSTREAM_H_

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/server.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/upstream/credentials/upstream_credentials.h"

namespace sallyport::gateway {

struct UpstreamOptions {
  std::string name;
  std::string source;  // what the configuration says of it, serialised: tells upstreams apart that have one name
  std::string target;  // as gRPC takes it
  std::string load_balancing = "round_robin";
  bool tls = false;
  // With tls: PEM files, which are looked at again every `reload`. Connections that are there stay; new ones use what
  // is in the files by then.
  std::string ca_file;    // empty for the system's authorities
  std::string cert_file;  // a client certificate, with key_file
  std::string key_file;
  absl::Duration reload = absl::Seconds(5);  // whole seconds
  std::string server_name;                   // with tls: expected in the certificate, where it is not the target's host
  size_t message_bytes = 0;                  // of one message
  size_t metadata_bytes = 0;                 // of all metadata of a call
  std::optional<UpstreamCredentialsOptions> credentials;
};

// Channels connect on first use and reconnect by themselves. Thread-safe; lives as long as the gateway.
class Upstream {
 public:
  // INVALID_ARGUMENT for an empty target or a certificate without its key. `signer`, for credentials that are signed,
  // outlives the upstream.
  static absl::StatusOr<std::unique_ptr<Upstream>> Create(UpstreamOptions options, TokenSigner* signer = nullptr);

  // The upstream is a server of this process, which must outlive it; calls do not leave the process.
  static std::unique_ptr<Upstream> InProcess(const std::string& name, grpc::Server* server);

  const std::string& name() const { return options_.name; }
  const std::string& target() const { return options_.target; }
  const std::string& source() const { return options_.source; }

  // What calls carry besides what their callers sent; null if nothing.
  UpstreamCredentials* credentials() const { return credentials_.get(); }

  // False with TLS, where the authority must be the one the certificate is checked against.
  bool keeps_authority() const { return !options_.tls; }

  // A stub whose upstream is offered the message encodings of `accepted`, a bit for each grpc_compression_algorithm: an
  // upstream must not answer in an encoding that the caller cannot read. There is a channel for each such set in use.
  grpc::GenericStub& Stub(uint32_t accepted) { return Connected(accepted).stub; }
  // The channel of that stub.
  grpc::Channel& Channel(uint32_t accepted) { return *Connected(accepted).channel; }

 private:
  static constexpr uint32_t kEncodingSets = 8;

  Upstream(UpstreamOptions options, std::unique_ptr<UpstreamCredentials> credentials, grpc::Server* server);
  struct Connection {
    explicit Connection(std::shared_ptr<grpc::Channel> made) : channel(std::move(made)), stub(channel) {}
    const std::shared_ptr<grpc::Channel> channel;
    grpc::GenericStub stub;
  };
  Connection& Connected(uint32_t accepted);
  std::shared_ptr<grpc::Channel> MakeChannel(uint32_t accepted) const;

  const UpstreamOptions options_;
  const std::unique_ptr<UpstreamCredentials> credentials_;
  const std::shared_ptr<grpc::ChannelCredentials> channel_credentials_;
  grpc::Server* const server_;  // null unless it is in this process
  absl::Mutex mutex_;
  std::array<std::unique_ptr<Connection>, kEncodingSets> owned_ ABSL_GUARDED_BY(mutex_);
  std::array<std::atomic<Connection*>, kEncodingSets>
      connections_{};  // what owned_ holds, for reading without the lock
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_UPSTREAM_H_
