#include "gateway/listener/socket_name.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";
constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);

const sockaddr_in& V4(const SocketName& address) { return reinterpret_cast<const sockaddr_in&>(address.storage); }
const sockaddr_in6& V6(const SocketName& address) { return reinterpret_cast<const sockaddr_in6&>(address.storage); }

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

int HexDigit(char c) {
  const char* found = std::strchr(kHex, c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c);
  return c == '\0' || found == nullptr ? -1 : static_cast<int>(found - kHex);
}

// As gRPC reads paths: %2F is a slash. What is no escape stays.
std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      decoded.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

// As gRPC writes the path of a URI (RFC 3986, 3.3).
std::string PercentEncoded(std::string_view text) {
  constexpr std::string_view kPlain = "-._~!$&'()*+,;=:@/";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
        kPlain.find(c) != std::string_view::npos) {
      encoded.push_back(c);
    } else {
      encoded.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return encoded;
}

absl::StatusOr<SocketName> UnixAddress(std::string_view path, bool abstract) {
  SocketName address;
  auto& socket = reinterpret_cast<sockaddr_un&>(address.storage);
  const size_t room = sizeof(socket.sun_path) - 1;  // for the byte in front of an abstract name, or behind a path
  if (path.empty() || path.size() > room) {
    return absl::InvalidArgumentError(absl::StrCat("the name of a UNIX socket has 1 to ", room, " bytes"));
  }
  socket.sun_family = AF_UNIX;
  std::memcpy(socket.sun_path + (abstract ? 1 : 0), path.data(), path.size());
  address.length = static_cast<socklen_t>(kPathOffset + path.size() + 1);
  return address;
}

absl::StatusOr<std::vector<SocketName>> Resolve(const std::string& host, const std::string& port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
  if (failed != 0) {
    return absl::InvalidArgumentError(absl::StrCat("host \"", host, "\", port \"", port, "\": ", gai_strerror(failed)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  std::vector<SocketName> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    if (one->ai_family != AF_INET && one->ai_family != AF_INET6) continue;
    SocketName address;
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    address.length = one->ai_addrlen;
    addresses.push_back(address);
  }
  if (addresses.empty()) return absl::InvalidArgumentError(absl::StrCat("host \"", host, "\" has no address"));
  return addresses;
}

std::string HostAndPort(const SocketName& address) {
  char host[INET6_ADDRSTRLEN] = {};
  if (address.family() == AF_INET) {
    inet_ntop(AF_INET, &V4(address).sin_addr, host, sizeof host);
    return absl::StrCat(host, ":", address.port());
  }
  inet_ntop(AF_INET6, &V6(address).sin6_addr, host, sizeof host);
  const uint32_t scope = V6(address).sin6_scope_id;
  return scope == 0 ? absl::StrCat("[", host, "]:", address.port())
                    : absl::StrCat("[", host, "%", scope, "]:", address.port());
}

}  // namespace

int SocketName::port() const {
  if (family() == AF_INET) return ntohs(V4(*this).sin_port);
  return family() == AF_INET6 ? ntohs(V6(*this).sin6_port) : 0;
}

void SocketName::set_port(int port) {
  const uint16_t bytes = htons(static_cast<uint16_t>(port));
  if (family() == AF_INET) reinterpret_cast<sockaddr_in&>(storage).sin_port = bytes;
  if (family() == AF_INET6) reinterpret_cast<sockaddr_in6&>(storage).sin6_port = bytes;
}

bool SocketName::wildcard() const {
  if (family() == AF_INET) return V4(*this).sin_addr.s_addr == htonl(INADDR_ANY);
  return family() == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&V6(*this).sin6_addr);
}

std::string SocketName::path() const {
  const auto& socket = reinterpret_cast<const sockaddr_un&>(storage);
  if (!unix_socket() || length <= kPathOffset || socket.sun_path[0] == '\0') return "";
  return std::string(socket.sun_path, strnlen(socket.sun_path, length - kPathOffset));
}

absl::StatusOr<std::vector<SocketName>> ResolveListenAddress(const std::string& text) {
  std::string_view address = text;
  const auto take = [&address](std::string_view prefix) {
    if (!address.starts_with(prefix)) return false;
    address.remove_prefix(prefix.size());
    return true;
  };
  const bool abstract = take("unix-abstract:");
  if (abstract || take("unix:")) {
    if (!abstract && address.starts_with("//")) address.remove_prefix(2);
    absl::StatusOr<SocketName> socket = UnixAddress(PercentDecoded(address), abstract);
    if (!socket.ok()) return socket.status();
    return std::vector<SocketName>{*socket};
  }
  if (take("dns:") || take("ipv4:") || take("ipv6:")) {
    address.remove_prefix(std::min(address.find_first_not_of('/'), address.size()));
  }
  const size_t colon = address.rfind(':');
  const bool bracketed = address.starts_with('[');
  const bool fits = colon != std::string_view::npos &&
                    (bracketed ? colon > 0 && address[colon - 1] == ']' : address.find(':') == colon);
  if (!fits || colon + 1 == address.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", View(address), "\" is neither host:port, [address]:port, unix:path nor unix-abstract:name"));
  }
  const std::string host(bracketed ? address.substr(1, colon - 2) : address.substr(0, colon));
  return Resolve(host, std::string(address.substr(colon + 1)));
}

SocketName Unmapped(const SocketName& address) {
  if (address.family() != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&V6(address).sin6_addr)) return address;
  SocketName plain;
  auto& v4 = reinterpret_cast<sockaddr_in&>(plain.storage);
  v4.sin_family = AF_INET;
  v4.sin_port = V6(address).sin6_port;
  std::memcpy(&v4.sin_addr, V6(address).sin6_addr.s6_addr + 12, 4);
  plain.length = sizeof(sockaddr_in);
  return plain;
}

std::string PeerText(const SocketName& mapped) {
  const SocketName address = Unmapped(mapped);
  switch (address.family()) {
    case AF_INET:
      return absl::StrCat("ipv4:", HostAndPort(address));
    case AF_INET6:
      return absl::StrCat("ipv6:", PercentEncoded(HostAndPort(address)));
    default:
      return PercentEncoded(AddressText(address));
  }
}

std::string AddressText(const SocketName& mapped) {
  const SocketName address = Unmapped(mapped);
  if (!address.unix_socket()) return HostAndPort(address);
  const auto& socket = reinterpret_cast<const sockaddr_un&>(address.storage);
  if (address.length <= kPathOffset + 1 || socket.sun_path[0] != '\0') return absl::StrCat("unix:", address.path());
  const std::string_view name(socket.sun_path + 1, address.length - kPathOffset - 1);
  return absl::StrCat("unix-abstract:", View(name));
}

}  // namespace sallyport::gateway
