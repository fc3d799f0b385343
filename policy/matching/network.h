// Where connections come from, and the networks that rules name.
#ifndef SALLYPORT_POLICY_MATCHING_NETWORK_H_
#define SALLYPORT_POLICY_MATCHING_NETWORK_H_

#include <string>
#include <string_view>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"

namespace sallyport::policy {

enum class AddressKind { kUnknown, kUnix, kIpv4, kIpv6 };

// A host, without its port. IPv4 addresses in IPv6 notation (::ffff:10.0.0.7) are IPv4 addresses.
struct HostAddress {
  AddressKind kind = AddressKind::kUnknown;
  absl::uint128 bits = 0;  // the address from the highest bit on; 0 for UNIX sockets
};

// Reads a peer in gRPC's notation: "ipv4:10.0.0.7:51514", "ipv6:[::1]:80", "ipv6:%5B::1%5D:80", "unix:/run/x.sock",
// "unix-abstract:name". Anything else is of unknown kind and in no network. Does not allocate.
HostAddress PeerHost(std::string_view peer);

struct Network {
  AddressKind kind = AddressKind::kUnknown;
  int length = 0;  // of the prefix, in bits
  absl::uint128 bits = 0;

  bool Contains(const HostAddress& host) const;
  // Whether every host of `other` is in this one.
  bool Covers(const Network& other) const;
};

// `bits` with all but the first `length` set to 0.
absl::uint128 Prefix(absl::uint128 bits, int length);

// "10.0.0.0/8"; "unix".
std::string FormatNetwork(const Network& network);

// "10.0.0.0/8", "2001:db8::/32", an address alone, or "unix". INVALID_ARGUMENT says what is expected; so that nobody is
// surprised by what is let in, bits beyond the prefix must be 0.
absl::StatusOr<Network> ParseNetwork(std::string_view text);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MATCHING_NETWORK_H_
