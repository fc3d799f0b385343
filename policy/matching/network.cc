#include "policy/matching/network.h"

#include <arpa/inet.h>

#include <cstring>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "policy/text.h"

namespace sallyport::policy {
namespace {

constexpr int kIpv4Bits = 32;
constexpr int kIpv6Bits = 128;
constexpr int kMappedBits = 96;         // the prefix of IPv4 addresses in IPv6 notation
constexpr size_t kLongestAddress = 45;  // in text
constexpr absl::uint128 kMappedPrefix = absl::MakeUint128(0, 0xffff'0000'0000);

HostAddress Normalised(const HostAddress& host) {
  if (host.kind != AddressKind::kIpv6 || Prefix(host.bits, kMappedBits) != kMappedPrefix) return host;
  return {AddressKind::kIpv4, host.bits << kMappedBits};
}

// An address as text; unknown if it is none.
HostAddress ParseAddress(std::string_view text) {
  if (text.size() > kLongestAddress || text.find('\0') != std::string_view::npos) return {};
  char terminated[kLongestAddress + 1] = {};
  std::memcpy(terminated, text.data(), text.size());
  unsigned char bytes[16] = {};
  HostAddress host;
  if (inet_pton(AF_INET, terminated, bytes) == 1) {
    host.kind = AddressKind::kIpv4;
  } else if (inet_pton(AF_INET6, terminated, bytes) == 1) {
    host.kind = AddressKind::kIpv6;
  } else {
    return {};
  }
  for (unsigned char byte : bytes) host.bits = host.bits << 8 | byte;
  return host;
}

bool TakePrefix(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

int BitsOf(AddressKind kind) { return kind == AddressKind::kIpv4 ? kIpv4Bits : kIpv6Bits; }

}  // namespace

absl::uint128 Prefix(absl::uint128 bits, int length) {
  if (length <= 0) return 0;
  return bits & (absl::Uint128Max() << (kIpv6Bits - length));
}

HostAddress PeerHost(std::string_view peer) {
  if (peer.starts_with("unix:") || peer.starts_with("unix-abstract:")) return {AddressKind::kUnix, 0};
  if (TakePrefix(&peer, "ipv4:")) {
    const HostAddress host = ParseAddress(peer.substr(0, peer.find(':')));
    return host.kind == AddressKind::kIpv4 ? host : HostAddress();
  }
  if (!TakePrefix(&peer, "ipv6:")) return {};
  // As the authority of a URI the brackets are escaped, and so is the `%` in front of a scope.
  if (!TakePrefix(&peer, "[") && !TakePrefix(&peer, "%5B") && !TakePrefix(&peer, "%5b")) return {};
  const HostAddress host = ParseAddress(peer.substr(0, peer.find_first_of("]%")));
  return host.kind == AddressKind::kIpv6 ? Normalised(host) : HostAddress();
}

bool Network::Contains(const HostAddress& host) const { return kind == host.kind && Prefix(host.bits, length) == bits; }

bool Network::Covers(const Network& other) const {
  return other.length >= length && Contains({other.kind, other.bits});
}

std::string FormatNetwork(const Network& network) {
  if (network.kind == AddressKind::kUnix) return "unix";
  unsigned char bytes[16];
  for (int i = 0; i < 16; ++i) bytes[i] = static_cast<unsigned char>(network.bits >> (kIpv6Bits - 8 * (i + 1)));
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(network.kind == AddressKind::kIpv4 ? AF_INET : AF_INET6, bytes, text, sizeof text);
  return absl::StrCat(text, "/", network.length);
}

absl::StatusOr<Network> ParseNetwork(std::string_view text) {
  if (text == "unix") return Network{AddressKind::kUnix, 0, 0};
  const auto wrong = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", absl::CHexEscape(std::string(text.substr(0, 80))), "\" ", what));
  };
  constexpr absl::string_view kExpected = "is not a network: write 10.0.0.0/8, 2001:db8::/32, an address, or unix";
  const size_t slash = text.find('/');
  const HostAddress host = ParseAddress(text.substr(0, slash));
  if (host.kind == AddressKind::kUnknown) return wrong(kExpected);
  Network network{host.kind, BitsOf(host.kind), host.bits};
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const bool plain = !digits.empty() && digits.size() <= 3 && digits.find_first_not_of("0123456789") == digits.npos;
    if (!plain || !absl::SimpleAtoi(View(digits), &network.length)) return wrong(kExpected);
    if (network.length > BitsOf(host.kind)) {
      return wrong(absl::StrCat("has a prefix longer than the ", BitsOf(host.kind), " bits of such an address"));
    }
  }
  if (Prefix(network.bits, network.length) != network.bits) {
    return wrong(absl::StrCat("has bits set beyond the first ", network.length,
                              ": write the network's own address, or a longer prefix"));
  }
  const HostAddress normalised = Normalised(host);
  if (normalised.kind != host.kind && network.length >= kMappedBits) {
    network = {normalised.kind, network.length - kMappedBits, normalised.bits};
  }
  return network;
}

}  // namespace sallyport::policy
