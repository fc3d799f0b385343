#include "protos/grpc_target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "protos/fault_list.h"

namespace sallyport {
namespace {

constexpr size_t kMostSocketName = 107;
constexpr int kMostPort = 65535;

std::string View(std::string_view text) { return std::string(text); }

bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c); });
}

bool IsAddress(int family, std::string_view text) {
  in6_addr address;
  return inet_pton(family, std::string(text).c_str(), &address) == 1;
}

// A zone may stand behind it.
bool IsIpv6(std::string_view text) { return IsAddress(AF_INET6, text.substr(0, text.find('%'))); }

// As gRPC does it: what is no pair of hex digits stays as it is.
std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && absl::ascii_isxdigit(text[i + 1]) && absl::ascii_isxdigit(text[i + 2]);
    decoded += escape ? static_cast<char>(std::stoi(View(text.substr(i + 1, 2)), nullptr, 16)) : text[i];
    if (escape) i += 2;
  }
  return decoded;
}

std::string PortFault(std::string_view host, std::string_view port) {
  uint32_t number = 0;
  if (IsDigits(port) && absl::SimpleAtoi(View(port), &number) && number > 0 && number <= kMostPort) return "";
  if (port.empty())
    return absl::StrCat("has a colon and no port: write ", Quoted(absl::StrCat(View(host), ":443")),
                        " if 443 is meant");
  for (const auto& [word, meant] : {std::pair("http", "80"), std::pair("https", "443")}) {
    if (port != word) continue;
    return absl::StrCat("has a word for a port: write ", Quoted(absl::StrCat(View(host), ":", meant)));
  }
  return absl::StrCat(Quoted(port), " is no port: write a number from 1 to ", kMostPort);
}

// Of an IPv6 address without brackets, or of what has too many colons for anything else.
std::string ColonsFault(std::string_view text) {
  const size_t last = text.rfind(':');
  const std::string_view host = text.substr(0, last);
  const std::string_view port = text.substr(last + 1);
  if (IsIpv6(host) && IsDigits(port)) {
    return absl::StrCat("has an IPv6 address without brackets, of which gRPC takes the port for a part: write ",
                        Quoted(absl::StrCat("[", View(host), "]:", View(port))));
  }
  if (IsIpv6(text)) {
    return absl::StrCat("is an IPv6 address without a port: write ", Quoted(absl::StrCat("[", View(text), "]:443")),
                        " if 443 is meant");
  }
  return "has more than one colon, and is no IPv6 address: write \"host:port\"";
}

std::string BracketsFault(std::string_view text) {
  const size_t end = text.find(']');
  if (end == std::string_view::npos) return "has a bracket that nothing closes: write \"[::1]:443\"";
  const std::string_view host = text.substr(1, end - 1);
  const std::string_view rest = text.substr(end + 1);
  if (!IsIpv6(host)) {
    return host.find(':') == std::string_view::npos ? absl::StrCat("has brackets, which are for IPv6 addresses: write ",
                                                                   Quoted(absl::StrCat(View(host), View(rest))))
                                                    : absl::StrCat(Quoted(host), " is no IPv6 address");
  }
  if (rest.empty()) {
    return absl::StrCat("has no port: write ", Quoted(absl::StrCat(View(text), ":443")), " if 443 is meant");
  }
  if (rest.front() != ':') return "has something else than a colon and a port behind its brackets";
  return PortFault(text.substr(0, end + 1), rest.substr(1));
}

// Signs that no host has, each a mistake of its own.
std::string SignFault(std::string_view text) {
  if (const size_t slash = text.find('/'); slash != std::string_view::npos) {
    const std::string_view place = text.substr(0, slash);
    return place.empty() ? "has more slashes than one, or three, before the host: write \"dns:///host:port\""
                         : absl::StrCat("has a path, which targets have not: write ", Quoted(place));
  }
  if (text.find('@') != std::string_view::npos) {
    return absl::StrCat("has a user, which targets have not: write ", Quoted(text.substr(text.rfind('@') + 1)),
                        ", and give credentials beside it");
  }
  if (text.find(',') != std::string_view::npos) {
    return "is a list, which only addresses can be: write \"ipv4:192.0.2.1:443,192.0.2.2:443\" (or ipv6:), or one name "
           "that has several addresses";
  }
  return "";
}

// Of "host:port", which may be written without a scheme.
std::string PlaceFault(std::string_view text) {
  if (std::string fault = SignFault(text); !fault.empty()) return fault;
  if (text.starts_with('[')) return BracketsFault(text);
  const auto colons = std::count(text.begin(), text.end(), ':');
  if (colons > 1) return ColonsFault(text);
  const std::string_view host = text.substr(0, text.find(':'));
  if (host.empty()) return "names no host: write \"host:port\"";
  const auto good = [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~' ||
           static_cast<unsigned char>(c) > 127;
  };
  if (!std::all_of(host.begin(), host.end(), good)) return absl::StrCat(Quoted(host), " is no name of a host");
  if (colons == 0) {
    return absl::StrCat("has no port: write ", Quoted(absl::StrCat(View(text), ":443")), " if 443 is meant");
  }
  if (host.find_first_not_of("0123456789.") == std::string_view::npos && !IsAddress(AF_INET, host)) {
    return absl::StrCat(Quoted(host), " is no address");
  }
  return PortFault(host, text.substr(host.size() + 1));
}

struct Parts {
  std::optional<std::string> authority;  // what stands behind "//"
  std::string path;
};

Parts PartsOf(std::string_view text) {
  Parts parts;
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    const std::string_view authority = text.substr(0, text.find('/'));
    parts.authority = PercentDecoded(authority);
    text.remove_prefix(authority.size());
  }
  parts.path = PercentDecoded(text);
  return parts;
}

std::string WithoutSlash(const std::string& path) { return path.starts_with('/') ? path.substr(1) : path; }

std::string DnsFault(std::string_view rest) {
  const Parts parts = PartsOf(rest);
  const std::string place = WithoutSlash(parts.path);
  const std::string server = parts.authority.value_or("");
  if (place.empty()) {
    return server.empty() ? "names no host: write \"dns:///host:port\""
                          : absl::StrCat("names a name server, and no host: write ", Quoted("dns:///" + server));
  }
  if (std::string fault = PlaceFault(place); !fault.empty()) return fault;
  if (server.empty()) return "";
  // gRPC asks for the server's port, too.
  const std::string_view host = std::string_view(server).substr(0, server.rfind(':'));
  const bool ipv6 = host.starts_with('[') && host.ends_with(']') && IsIpv6(host.substr(1, host.size() - 2));
  if ((ipv6 || IsAddress(AF_INET, host)) && host.size() < server.size() &&
      PortFault(host, std::string_view(server).substr(host.size() + 1)).empty()) {
    return "";
  }
  return absl::StrCat(Quoted(server),
                      " is no name server, which is an address with a port: write \"dns://192.0.2.1:53/", place,
                      "\", or ", Quoted("dns:///" + place), " to ask the system's");
}

std::string AddressesFault(const std::string& scheme, std::string_view rest) {
  const Parts parts = PartsOf(rest);
  const std::string list = WithoutSlash(parts.path);
  if (!parts.authority.value_or("").empty()) {
    return absl::StrCat("has two slashes: write ", Quoted(absl::StrCat(scheme, ":", *parts.authority)));
  }
  bool some = false;
  for (const absl::string_view part : absl::StrSplit(list, ',', absl::SkipEmpty())) {
    const std::string_view place(part.data(), part.size());
    some = true;
    if (std::string fault = PlaceFault(place); !fault.empty()) return fault;
    const bool ipv6 = place.starts_with('[');
    const bool ipv4 = !ipv6 && IsAddress(AF_INET, place.substr(0, place.find(':')));
    if (scheme == "ipv6" ? ipv6 : ipv4) continue;
    return absl::StrCat("takes addresses, and ", Quoted(place), " has none of the kind: write ",
                        Quoted(ipv4   ? absl::StrCat("ipv4:", View(place))
                               : ipv6 ? absl::StrCat("ipv6:", View(place))
                                      : View(place)));
  }
  return some
             ? ""
             : absl::StrCat("names no address: write \"", scheme, scheme == "ipv4" ? ":192.0.2.1" : ":[::1]", ":443\"");
}

std::string SocketFault(const std::string& scheme, std::string_view rest) {
  const Parts parts = PartsOf(rest);
  if (!parts.authority.value_or("").empty()) {
    return absl::StrCat("has two slashes before a name: write ",
                        Quoted(absl::StrCat(scheme, ":/", *parts.authority, parts.path)));
  }
  if (!parts.path.empty() && parts.path.size() <= kMostSocketName) return "";
  return absl::StrCat("names a socket with ", parts.path.size(), " bytes, and they have 1 to ", kMostSocketName);
}

std::string UrlFault(const std::string& scheme, std::string_view rest) {
  const bool tls = scheme == "https" || scheme == "grpcs" || scheme == "tls";
  std::string place(rest.substr(2, rest.find_first_of("/?#", 2) - 2));
  if (place.find(':', place.starts_with('[') ? place.find(']') : 0) == std::string::npos) {
    place += scheme == "http" ? ":80" : tls ? ":443" : ":PORT";
  }
  return absl::StrCat("is a URL, which gRPC takes for a name: write ", Quoted(place),
                      tls ? ", and tls: {} beside it" : "");
}

// What to say of the scheme and what follows it; nothing if it is none, but a host.
std::optional<std::string> SchemeFault(const std::string& scheme, std::string_view rest) {
  if (scheme == "dns") return DnsFault(rest);
  if (scheme == "ipv4" || scheme == "ipv6") return AddressesFault(scheme, rest);
  if (scheme == "unix" || scheme == "unix-abstract") return SocketFault(scheme, rest);
  if (scheme == "xds" || scheme.starts_with("google-c2p")) {
    return WithoutSlash(PartsOf(rest).path).empty() ? absl::StrCat("names nothing: write \"", scheme, ":///name\"")
                                                    : "";
  }
  if (rest.starts_with("//")) {
    if (scheme == "http" || scheme == "https" || scheme == "grpc" || scheme == "grpcs" || scheme == "tcp" ||
        scheme == "tls") {
      return UrlFault(scheme, rest);
    }
    return absl::StrCat(Quoted(scheme),
                        " is no scheme that gRPC knows: write \"host:port\", \"dns:///host:port\", "
                        "\"ipv4:\", \"ipv6:\" or \"unix:\"");
  }
  return std::nullopt;
}

std::string FaultOf(std::string_view target) {
  const auto blank = [](char c) { return absl::ascii_isspace(c) || absl::ascii_iscntrl(c); };
  if (std::any_of(target.begin(), target.end(), blank)) {
    const std::string trimmed(absl::StripAsciiWhitespace(absl::string_view(target.data(), target.size())));
    return std::any_of(trimmed.begin(), trimmed.end(), blank)
               ? "has a space in it: write \"host:port\""
               : absl::StrCat("has spaces around it: write ", Quoted(trimmed));
  }
  const size_t colon = target.find(':');
  const std::string given(target.substr(0, colon));
  const std::string scheme = absl::AsciiStrToLower(given);
  const std::string_view rest = colon == std::string_view::npos ? "" : target.substr(colon + 1);
  const std::optional<std::string> fault = colon == std::string_view::npos ? std::nullopt : SchemeFault(scheme, rest);
  const bool named = scheme == "xds" || scheme.starts_with("google-c2p");
  if (const size_t end = target.find_first_of("?#");
      end != std::string_view::npos && !(fault.has_value() && named) && !(fault.has_value() && !fault->empty())) {
    return absl::StrCat("has a ", View(target.substr(end, 1)), ", where gRPC ends it: write ",
                        Quoted(target.substr(0, end)));
  }
  if (!fault.has_value()) return PlaceFault(PercentDecoded(target));
  if (fault->empty() && scheme != given) {
    return absl::StrCat("has a scheme in capitals, which gRPC does not know: write ",
                        Quoted(absl::StrCat(scheme, ":", View(rest))));
  }
  return *fault;
}

}  // namespace

std::string TargetFault(std::string_view target) {
  const std::string fault = FaultOf(target);
  return fault.empty() ? "" : absl::StrCat(Quoted(target), fault.starts_with('"') ? ": " : " ", fault);
}

}  // namespace sallyport
