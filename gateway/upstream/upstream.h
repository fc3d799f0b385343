// An upstream: the service calls go to, and the channels to it.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_UPSTREAM_H_
#define SALLYPORT_GATEWAY_UPSTREAM_UPSTREAM_H_

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/server.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/upstream/connections/connections.h"
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
  // With tls: expected in the certificate; `authority` unless given, and without that the target's host.
  std::string server_name;
  std::string authority;  // what calls carry; the caller's own unless given, where it can be one and there is no tls
  ConnectionOptions connections;
  // HTTP/2 pings, for upstreams that permit them: a connection is closed when one is not answered within the timeout.
  // None are sent unless given; while no call is open there are none either.
  absl::Duration keepalive_time = absl::InfiniteDuration();
  absl::Duration keepalive_timeout = absl::Seconds(20);
  // Bytes kept of each call's request, until the upstream answers, so that it can be sent again where the upstream has
  // not processed it (attempt_watch.h). 0: nothing is sent again.
  uint64_t retry_bytes = 256 << 10;
  size_t message_bytes = 0;   // of one message
  size_t metadata_bytes = 0;  // of all metadata of a call
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
  const UpstreamOptions& options() const { return options_; }

  uint64_t retry_bytes() const { return options_.retry_bytes; }

  // Calls that the upstream had not processed and was asked again, since the start.
  void CountSentAgain() { sent_again_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t sent_again() const { return sent_again_.load(std::memory_order_relaxed); }

  // What calls carry besides what their callers sent; null if nothing.
  UpstreamCredentials* credentials() const { return credentials_.get(); }

  // What a call is to carry whose caller sent `sent` as its authority; empty for the channel's own, which is the
  // target's host or, with TLS, the name that the certificate is checked against.
  std::string_view AuthorityFor(std::string_view sent) const;

  // A place for a call on a connection (connections.h). `accepted`: the message encodings that the caller can read, a
  // bit for each grpc_compression_algorithm, for an upstream must not answer in another. `identity` and `peer` are the
  // caller's.
  struct Needs {
    uint32_t accepted = 0;
    std::string_view identity;
    std::string_view peer;
  };
  std::optional<absl::StatusOr<StreamLease>> Reserve(const Needs& needs,
                                                     absl::FunctionRef<UpstreamConnections::Later()> wait);

  // A place for a call that the gateway makes itself, such as for reflection.
  StreamLease Own() { return connections_.Own(); }

 private:
  Upstream(UpstreamOptions options, std::unique_ptr<UpstreamCredentials> credentials, grpc::Server* server);
  std::shared_ptr<grpc::Channel> MakeChannel(ChannelKind kind, const std::string& connection) const;

  const UpstreamOptions options_;
  const std::unique_ptr<UpstreamCredentials> credentials_;
  const std::shared_ptr<grpc::ChannelCredentials> channel_credentials_;
  grpc::Server* const server_;  // null unless it is in this process
  std::atomic<uint64_t> sent_again_{0};
  UpstreamConnections connections_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_UPSTREAM_H_
