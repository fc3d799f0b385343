// A caller's address as the index keeps it: many connections come from one host.
#ifndef SALLYPORT_RECORDER_FORMAT_PEER_ADDRESS_H_
#define SALLYPORT_RECORDER_FORMAT_PEER_ADDRESS_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport::recorder {

// "ipv4:10.0.0.7:51514" as "ipv4:10.0.0.7" and 51514. What does not end in a port stays whole, with port -1.
struct PeerAddress {
  std::string_view host;
  int64_t port = -1;
};

inline PeerAddress SplitPeer(std::string_view peer) {
  constexpr size_t kMostDigits = 5;
  const size_t colon = peer.rfind(':');
  if (colon == std::string_view::npos) return {peer};
  const std::string_view digits = peer.substr(colon + 1);
  // With leading zeros it could not be put together again.
  if (digits.empty() || digits.size() > kMostDigits || (digits.size() > 1 && digits[0] == '0')) return {peer};
  int64_t port = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return {peer};
    port = port * 10 + (c - '0');
  }
  return {peer.substr(0, colon), port};
}

inline std::string JoinPeer(std::string host, int64_t port) {
  if (port >= 0) host += ':' + std::to_string(port);
  return host;
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_PEER_ADDRESS_H_
