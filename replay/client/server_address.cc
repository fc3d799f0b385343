#include "replay/client/server_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "replay/view/printable.h"

namespace sallyport::replay {
namespace {

constexpr std::string_view kSocketScheme = "unix:";
constexpr size_t kMostSocketPath = 107;  // what the system takes
constexpr size_t kMostShown = 100;

absl::Status Wrong(std::string_view text, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("the server \"", CutEnd(Printable(text), kMostShown), "\" ", why,
                                                 ": write HOST:PORT, [IPV6]:PORT or unix:PATH"));
}

bool IsPort(std::string_view text) {
  uint32_t port = 0;
  const bool digits =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c); });
  return digits && text.size() <= 5 && absl::SimpleAtoi(std::string(text), &port) && port > 0 && port <= 65535;
}

bool IsHostName(std::string_view text) {
  return !text.empty() && text.size() <= 253 && text.front() != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_'; });
}

bool IsLoopback(const std::string& host) {
  if (absl::AsciiStrToLower(host) == "localhost") return true;
  in_addr address = {};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return (ntohl(address.s_addr) >> 24) == 127;
  in6_addr six = {};
  return inet_pton(AF_INET6, host.c_str(), &six) == 1 && std::memcmp(&six, &in6addr_loopback, sizeof six) == 0;
}

absl::StatusOr<ServerAddress> ParseSocket(std::string_view text) {
  std::string_view path = text.substr(kSocketScheme.size());
  // "unix:///run/x" is the same path as "unix:/run/x".
  if (path.substr(0, 2) == "//") path.remove_prefix(2);
  if (path.empty()) return Wrong(text, "names no path");
  if (path.size() > kMostSocketPath) {
    return Wrong(text, absl::StrCat("has a path of ", path.size(), " bytes, and sockets may have ", kMostSocketPath));
  }
  ServerAddress address;
  address.name = std::string(text);
  address.target = absl::StrCat("unix:", std::string(path));
  address.authority = "localhost";
  address.socket = true;
  address.local = true;
  return address;
}

}  // namespace

absl::StatusOr<ServerAddress> ServerAddress::Parse(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), [](char c) { return !absl::ascii_isgraph(c); })) {
    return Wrong(text, "has a character that no address has");
  }
  if (text.starts_with(kSocketScheme)) return ParseSocket(text);
  if (text.find("//") != std::string_view::npos) return Wrong(text, "is a URL");
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Wrong(text, "has no port");
  std::string_view host = text.substr(0, colon);
  if (!IsPort(text.substr(colon + 1))) return Wrong(text, "has no port from 1 to 65535");
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    in6_addr six = {};
    if (inet_pton(AF_INET6, std::string(host).c_str(), &six) != 1)
      return Wrong(text, "has no IPv6 address in brackets");
  } else if (!IsHostName(host)) {
    return Wrong(text, "has no name or address of a host");
  }
  ServerAddress address;
  address.name = std::string(text);
  // With the scheme, no name of a host is taken for one.
  address.target = absl::StrCat("dns:///", std::string(text));
  address.authority = std::string(text);
  address.local = IsLoopback(std::string(host));
  return address;
}

}  // namespace sallyport::replay
