#include "gateway/listen_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"

namespace sallyport::gateway {
namespace {

constexpr absl::string_view kLocalhost = "localhost";

struct HostAndPort {
  std::string host;
  std::string port;  // empty if there is none
};

bool IsUnix(std::string_view address) { return address.starts_with("unix:") || address.starts_with("unix-abstract:"); }

// As gRPC's server does.
std::string_view WithoutScheme(std::string_view address) {
  if (!address.starts_with("dns:")) return address;
  address.remove_prefix(4);
  return address.substr(std::min(address.find_first_not_of('/'), address.size()));
}

// Nothing if they cannot be told apart.
std::optional<HostAndPort> Split(std::string_view address) {
  address = WithoutScheme(address);
  // gRPC decodes what is written with percent signs, and might see something else.
  if (address.find_first_of(std::string_view("%\0", 2)) != std::string_view::npos) return std::nullopt;
  std::string_view host = address;
  std::string_view port;
  if (address.starts_with('[')) {
    const size_t end = address.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = address.substr(1, end - 1);
    port = address.substr(end + 1);
  } else if (std::count(address.begin(), address.end(), ':') == 1) {
    host = address.substr(0, address.find(':'));
    port = address.substr(host.size());
  }
  if (port.empty()) return HostAndPort{std::string(host), ""};
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  port.remove_prefix(1);
  if (*(port.data() - 1) != ':' || port.empty() || !std::all_of(port.begin(), port.end(), digit)) return std::nullopt;
  return HostAndPort{std::string(host), std::string(port)};
}

// Nothing if the host is a name.
std::optional<bool> IsNumericLoopback(const std::string& host) {
  in_addr v4 = {};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6 = {};
  if (inet_pton(AF_INET6, host.c_str(), &v6) != 1) return std::nullopt;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

bool IsLocalhost(absl::string_view host) {
  if (!absl::EndsWithIgnoreCase(host, kLocalhost)) return false;
  host.remove_suffix(kLocalhost.size());
  return host.empty() || (host.size() > 1 && host.back() == '.');
}

std::string UnixFault(std::string_view address, const std::string& quoted) {
  constexpr size_t kMostName = sizeof(sockaddr_un::sun_path) - 1;
  const std::string_view scheme = address.substr(0, address.find(':') + 1);
  const std::string_view name = address.substr(scheme.size());
  if (name.starts_with("//") && !name.starts_with("///")) {
    return absl::StrCat(quoted, " has two slashes before a name: write \"", recorder::View(scheme),
                        recorder::View(name.substr(1)), "\"");
  }
  const size_t size = name.starts_with("///") ? name.size() - 2 : name.size();
  if (size > 0 && size <= kMostName) return "";
  return absl::StrCat(quoted, ": the name of a UNIX socket has 1 to ", kMostName, " bytes");
}

}  // namespace

std::string ListenFault(std::string_view address) {
  const std::string quoted = absl::StrCat("\"", recorder::View(address), "\"");
  if (IsUnix(address)) return UnixFault(address, quoted);
  address = WithoutScheme(address);
  if (address.find('/') != std::string_view::npos) {
    return absl::StrCat(quoted, " is neither host:port, such as 127.0.0.1:50050, nor unix:/path");
  }
  if (address.find_first_of(", \t") != std::string_view::npos) {
    return absl::StrCat(quoted,
                        " is not one address: those have neither spaces nor commas (listen.addresses takes a list)");
  }
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return absl::StrCat(quoted, " is neither host:port nor unix:/path");
  if (address.front() != '[' && address.find(':') != colon) {
    return absl::StrCat(quoted, ": an IPv6 address stands in brackets, such as \"[",
                        recorder::View(address.substr(0, colon)), "]:", recorder::View(address.substr(colon + 1)),
                        "\"");
  }
  // A zone is for whoever binds it.
  const size_t zone = address.front() == '[' ? address.find('%') : std::string_view::npos;
  const std::optional<HostAndPort> parts =
      zone < colon ? HostAndPort{"", std::string(address.substr(colon + 1))} : Split(address);
  uint32_t port = 0;
  if (!parts.has_value() || !absl::SimpleAtoi(parts->port, &port) || port > 65535) {
    return absl::StrCat(quoted, ": what follows the last colon is no port, which is a number from 0 to 65535");
  }
  const bool numeric = parts->host.find_first_not_of("0123456789.") == std::string::npos && !parts->host.empty();
  if (zone >= colon && (numeric || address.front() == '[') && !IsNumericLoopback(parts->host).has_value()) {
    return absl::StrCat(quoted, ": \"", parts->host, "\" is no address");
  }
  return "";
}

bool IsLoopback(std::string_view address) {
  if (IsUnix(address)) return true;
  const std::optional<HostAndPort> parts = Split(address);
  if (!parts.has_value()) return false;
  return IsNumericLoopback(parts->host).value_or(IsLocalhost(parts->host));
}

std::vector<std::string> NumericAddresses(const std::string& address) {
  if (IsUnix(address)) return {address};
  const std::optional<HostAndPort> parts = Split(address);
  if (!parts.has_value() || parts->port.empty() || IsNumericLoopback(parts->host).has_value()) return {address};
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (getaddrinfo(parts->host.c_str(), parts->port.c_str(), &hints, &found) != 0) return {address};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    char host[NI_MAXHOST];
    const int failed =
        getnameinfo(one->ai_addr, one->ai_addrlen, host, sizeof(host), nullptr, 0, NI_NUMERICHOST | NI_NUMERICSERV);
    if (failed != 0) return {address};
    addresses.push_back(one->ai_family == AF_INET6 ? absl::StrCat("[", host, "]:", parts->port)
                                                   : absl::StrCat(host, ":", parts->port));
  }
  if (addresses.empty()) return {address};
  return addresses;
}

std::string WithPort(const std::string& address, int port) {
  if (IsUnix(address)) return address;
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
}

}  // namespace sallyport::gateway
