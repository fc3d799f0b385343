#include "gateway/listener/proxy_header.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

// The specification's names: https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt, section 2.2.
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kVersion1 = "PROXY ";
constexpr size_t kVersionAndCommand = 12;
constexpr size_t kFamilyAndProtocol = 13;
constexpr size_t kLength = 14;
constexpr int kLocal = 0x20;
constexpr int kProxy = 0x21;
constexpr size_t kTlvHead = 3;

enum Family { kUnspecified = 0, kInet = 1, kInet6 = 2, kUnix = 3 };

int Byte(std::string_view bytes, size_t at) { return static_cast<unsigned char>(bytes[at]); }
size_t Short(std::string_view bytes, size_t at) {
  return static_cast<size_t>(Byte(bytes, at)) << 8 | static_cast<size_t>(Byte(bytes, at + 1));
}

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the PROXY protocol header ", what));
}

// Both addresses and both ports; 0 for a family that has none.
std::optional<size_t> AddressBytes(int family) {
  switch (family) {
    case kUnspecified:
      return 0;
    case kInet:
      return 12;
    case kInet6:
      return 36;
    case kUnix:
      return 216;
    default:
      return std::nullopt;
  }
}

bool TlvsFit(std::string_view rest) {
  while (!rest.empty()) {
    if (rest.size() < kTlvHead) return false;
    const size_t size = Short(rest, 1);
    if (rest.size() - kTlvHead < size) return false;
    rest.remove_prefix(kTlvHead + size);
  }
  return true;
}

SocketName Source(int family, std::string_view addresses) {
  SocketName address;
  if (family == kInet) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, addresses.data(), 4);
    address.length = sizeof v4;
    address.set_port(static_cast<int>(Short(addresses, 8)));
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
    v6.sin6_family = AF_INET6;
    std::memcpy(&v6.sin6_addr, addresses.data(), 16);
    address.length = sizeof v6;
    address.set_port(static_cast<int>(Short(addresses, 32)));
  }
  return Unmapped(address);
}

}  // namespace

bool MayBeProxyHeader(std::string_view begun) {
  const size_t size = std::min(begun.size(), kSignature.size());
  return begun.substr(0, size) == kSignature.substr(0, size);
}

absl::StatusOr<size_t> ProxyHeaderSize(std::string_view head) {
  if (head.starts_with(kVersion1)) return Wrong("is of version 1, which is not taken: have the proxy send version 2");
  if (head.size() < kProxyHeadBytes || !head.starts_with(kSignature)) return Wrong("is missing");
  if (Byte(head, kVersionAndCommand) >> 4 != 2) return Wrong("is not of version 2");
  const size_t size = kProxyHeadBytes + Short(head, kLength);
  if (size > kMostProxyHeaderBytes) {
    return Wrong(absl::StrCat("has more than the ", kMostProxyHeaderBytes, " bytes that are taken"));
  }
  return size;
}

absl::StatusOr<std::optional<SocketName>> ParseProxyHeader(std::string_view header) {
  const absl::StatusOr<size_t> size = ProxyHeaderSize(header.substr(0, kProxyHeadBytes));
  if (!size.ok()) return size.status();
  if (header.size() != *size) return Wrong("is not as long as it says");
  const int command = Byte(header, kVersionAndCommand);
  if (command != kLocal && command != kProxy) return Wrong("has an unknown command");
  const int family = Byte(header, kFamilyAndProtocol) >> 4;
  const int protocol = Byte(header, kFamilyAndProtocol) & 15;
  const std::string_view body = header.substr(kProxyHeadBytes);
  // Of a connection of the proxy's own, whatever else is said is to be passed over.
  if (command == kLocal) return std::nullopt;
  const std::optional<size_t> addresses = AddressBytes(family);
  if (!addresses.has_value()) return Wrong("names an unknown family of addresses");
  if (body.size() < *addresses) return Wrong("is shorter than its addresses");
  if (!TlvsFit(body.substr(*addresses))) return Wrong("has an extension that reaches beyond its end");
  if (family == kUnspecified || family == kUnix) return std::nullopt;
  if (protocol != 1) return Wrong("is about something else than a stream");
  return Source(family, body);
}

}  // namespace sallyport::gateway
