// How many calls an upstream takes on one connection.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_STREAM_LIMIT_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_STREAM_LIMIT_H_

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/upstream/connections/socket_address.h"

namespace sallyport::gateway {

// What a server that states no limit has.
inline constexpr uint32_t kNoStreamLimit = std::numeric_limits<uint32_t>::max();

// With TLS: PEM files, as for the upstream's own connections.
struct StreamLimitTls {
  std::string ca_file;  // empty for the system's authorities
  std::string cert_file;
  std::string key_file;
  std::string name;  // expected in the certificate
};

// Connects, reads the server's first frame, which HTTP/2 (RFC 9113, 3.4) has be SETTINGS, and those that follow until
// it acknowledges this side's; while no calls are allowed, for up to a second. Closes in order. Returns its
// SETTINGS_MAX_CONCURRENT_STREAMS, or kNoStreamLimit if it states none. Blocks for `timeout` at most. `tls` may be
// null. Errors: UNAVAILABLE if it cannot be reached, DEADLINE_EXCEEDED, FAILED_PRECONDITION if the TLS handshake fails,
// INVALID_ARGUMENT if what answers does not speak HTTP/2.
absl::StatusOr<uint32_t> AskStreamLimit(const SocketAddress& address, const StreamLimitTls* tls,
                                        absl::Duration timeout);

// The limit stated in a SETTINGS frame's payload, as AskStreamLimit returns it. INVALID_ARGUMENT for a length that is
// not a multiple of six.
absl::StatusOr<uint32_t> StreamLimitIn(std::string_view settings);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_STREAM_LIMIT_H_
