// An upstream: the service calls go to, and the channels to it.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_UPSTREAM_H_
#define SALLYPORT_GATEWAY_UPSTREAM_UPSTREAM_H_

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace sallyport::gateway {

struct UpstreamOptions {
  std::string name;
  std::string target;  // as gRPC takes it
  std::string load_balancing = "round_robin";
  bool tls = false;
  std::string ca_pem;    // with tls: empty for the system's authorities
  std::string cert_pem;  // with tls: a client certificate, with key_pem
  std::string key_pem;
  std::string server_name;    // with tls: expected in the certificate, where it is not the target's host
  size_t message_bytes = 0;   // of one message
  size_t metadata_bytes = 0;  // of all metadata of a call
};

// Channels connect on first use and reconnect by themselves. Thread-safe; lives as long as the gateway.
class Upstream {
 public:
  // INVALID_ARGUMENT for an empty target or a certificate without its key.
  static absl::StatusOr<std::unique_ptr<Upstream>> Create(UpstreamOptions options);

  const std::string& name() const { return options_.name; }
  const std::string& target() const { return options_.target; }

  // False with TLS, where the authority must be the one the certificate is checked against.
  bool keeps_authority() const { return !options_.tls; }

  // A stub whose upstream is offered the message encodings of `accepted`, a bit for each grpc_compression_algorithm: an
  // upstream must not answer in an encoding that the caller cannot read. There is a channel for each such set in use.
  grpc::GenericStub& Stub(uint32_t accepted);

 private:
  static constexpr uint32_t kEncodingSets = 8;

  explicit Upstream(UpstreamOptions options) : options_(std::move(options)) {}
  std::shared_ptr<grpc::Channel> MakeChannel(uint32_t accepted) const;

  const UpstreamOptions options_;
  absl::Mutex mutex_;
  std::array<std::unique_ptr<grpc::GenericStub>, kEncodingSets> owned_ ABSL_GUARDED_BY(mutex_);
  std::array<std::atomic<grpc::GenericStub*>, kEncodingSets>
      stubs_{};  // what owned_ holds, for reading without the lock
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_UPSTREAM_H_
