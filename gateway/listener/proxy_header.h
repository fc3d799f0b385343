// The PROXY protocol, version 2: what a proxy says in front of a connection about whom it stands for.
#ifndef SALLYPORT_GATEWAY_LISTENER_PROXY_HEADER_H_
#define SALLYPORT_GATEWAY_LISTENER_PROXY_HEADER_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "gateway/listener/socket_name.h"

namespace sallyport::gateway {

// The fixed part, and the most that is taken of a whole header: addresses and TLVs, which may carry a certificate's
// names. What is longer is refused.
inline constexpr size_t kProxyHeadBytes = 16;
inline constexpr size_t kMostProxyHeaderBytes = 4096;

// How many bytes the whole header has, by its first kProxyHeadBytes. INVALID_ARGUMENT says what the bytes are instead:
// version 1, or nothing of the kind. All errors here are one of a few texts.
absl::StatusOr<size_t> ProxyHeaderSize(std::string_view head);

// Whether `begun` can be the beginning of a header, so that what is none is turned away before it is all there.
bool MayBeProxyHeader(std::string_view begun);

// The caller's address, by a whole header; nothing where the header names none that can be used (LOCAL, UNSPEC, and
// UNIX sockets, which are those of the proxy's machine): then the caller is the proxy itself. TLVs are checked for
// their lengths and passed over. INVALID_ARGUMENT if it is malformed.
absl::StatusOr<std::optional<SocketName>> ParseProxyHeader(std::string_view header);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_PROXY_HEADER_H_
