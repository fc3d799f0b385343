#include "gateway/upstream/authority.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace sallyport::gateway {
namespace {

// Schemes of targets that are not resolved by DNS.
constexpr std::array<std::string_view, 7> kOtherSchemes = {
    "ipv4:", "ipv6:", "unix:", "unix-abstract:", "xds:", "google-c2p:", "vsock:"};

bool IsAddress(std::string_view host) {
  const std::string text(host);
  in6_addr address;
  return inet_pton(AF_INET, text.c_str(), &address) == 1 || inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool IsPort(std::string_view text) {
  uint32_t port = 0;
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(std::string(text), &port) && port <= 65535;
}

bool Consume(std::string_view* text, std::string_view beginning) {
  if (!text->starts_with(beginning)) return false;
  text->remove_prefix(beginning.size());
  return true;
}

}  // namespace

bool IsAuthority(std::string_view text) {
  constexpr size_t kLongestName = 253;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos || !IsAddress(text.substr(1, end - 1))) return false;
    text.remove_prefix(end + 1);
    return text.empty() || (text.front() == ':' && IsPort(text.substr(1)));
  }
  if (const size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    if (!IsPort(text.substr(colon + 1))) return false;
    text = text.substr(0, colon);
  }
  return !text.empty() && text.size() <= kLongestName && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' || c == '~';
  });
}

std::string_view HostOf(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  const size_t colon = authority.rfind(':');
  // More than one is an IPv6 address without brackets.
  return colon != std::string_view::npos && authority.find(':') == colon ? authority.substr(0, colon) : authority;
}

std::string TargetAuthority(std::string_view target) {
  if (Consume(&target, "dns:") && Consume(&target, "//")) {
    // A name server of its own stands before the name.
    target.remove_prefix(std::min(target.find('/'), target.size()));
  }
  for (const std::string_view scheme : kOtherSchemes) {
    if (Consume(&target, scheme)) break;
  }
  while (Consume(&target, "/")) {
  }
  return std::string(target);
}

bool IsName(std::string_view target) {
  for (const std::string_view scheme : kOtherSchemes) {
    if (target.starts_with(scheme)) return false;
  }
  const std::string authority = TargetAuthority(target);
  return !authority.empty() && !IsAddress(HostOf(authority));
}

}  // namespace sallyport::gateway
