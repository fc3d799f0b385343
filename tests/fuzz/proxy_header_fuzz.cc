// PROXY protocol headers, as whoever reaches a port that trusts a proxy may send them.
#include <string>

#include "gateway/listener/proxy_header.h"
#include "policy/matching/network.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {

using gateway::kMostProxyHeaderBytes;
using gateway::kProxyHeadBytes;
using gateway::SocketName;

void FuzzProxyHeader(std::string_view input) {
  const absl::StatusOr<size_t> size = gateway::ProxyHeaderSize(input.substr(0, kProxyHeadBytes));
  Require(size.ok() || absl::IsInvalidArgument(size.status()), "a bad head is an invalid argument");
  const absl::StatusOr<std::optional<SocketName>> whole = gateway::ParseProxyHeader(input);
  Require(whole.ok() || absl::IsInvalidArgument(whole.status()), "a bad header is an invalid argument");
  Require(!whole.ok() || (size.ok() && *size == input.size()), "a header is as long as its head says");
  if (!size.ok()) return;
  Require(*size >= kProxyHeadBytes && *size <= kMostProxyHeaderBytes, "a header's length is bounded");
  for (size_t i = 0; i <= kProxyHeadBytes && i <= input.size(); ++i) {
    Require(gateway::MayBeProxyHeader(input.substr(0, i)), "what begins a header may be one");
  }
  if (input.size() < *size) return;
  const absl::StatusOr<std::optional<SocketName>> caller = gateway::ParseProxyHeader(input.substr(0, *size));
  if (!caller.ok() || !caller->has_value()) return;
  const std::string peer = gateway::PeerText(**caller);
  const policy::AddressKind kind = policy::PeerHost(peer).kind;
  Require(kind == (peer.starts_with("ipv4:") ? policy::AddressKind::kIpv4 : policy::AddressKind::kIpv6),
          "rules about networks see a caller's address for what it is");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzProxyHeader)
