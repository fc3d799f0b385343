#include "gateway/api/door/origin_rules.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "gateway/api/door/door_error.h"

namespace sallyport::gateway {
namespace {

constexpr char kMayBeSent[] =
    "Authorization, Content-Type, Connect-Protocol-Version, Connect-Timeout-Ms, Connect-Content-Encoding, "
    "Connect-Accept-Encoding, Content-Encoding, Grpc-Timeout, Grpc-Encoding, Grpc-Accept-Encoding, X-Grpc-Web, "
    "X-User-Agent, Sallyport-Csrf, Sallyport-Session, *";
constexpr char kPreflightSeconds[] = "7200";

struct Place {
  std::string host;  // in lower case; an IPv6 address has its brackets
  std::string port;  // may be empty
};

// Nothing unless it is "host", "host:port", "[address]" or "[address]:port".
std::optional<Place> ReadPlace(const std::string& text) {
  const size_t bracket = text.rfind(']');
  const size_t colon = text.find(':', bracket == std::string::npos ? 0 : bracket);
  Place place{absl::AsciiStrToLower(text.substr(0, colon)), colon == std::string::npos ? "" : text.substr(colon + 1)};
  const bool digits = std::all_of(place.port.begin(), place.port.end(),
                                  [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
  const bool bracketed = bracket != std::string::npos;
  const bool plain = std::all_of(place.host.begin(), place.host.end(), [bracketed](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' ||
           (bracketed && (c == '[' || c == ']' || c == ':'));
  });
  if (place.host.empty() || !digits || !plain || (colon != std::string::npos && place.port.empty())) {
    return std::nullopt;
  }
  return place;
}

// Whether it is written as an address: nobody can make a browser take that for another machine.
bool IsAddress(std::string host) {
  in6_addr any = {};
  if (inet_pton(AF_INET, host.c_str(), &any) == 1) return true;
  if (host.size() < 2 || host.front() != '[' || host.back() != ']') return false;
  host = host.substr(1, host.size() - 2);
  return inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" || (IsAddress(host) && absl::StartsWith(host, "127."));
}

size_t CountOf(const ReceivedRequest& request, std::string_view name) {
  return static_cast<size_t>(std::count_if(request.headers.begin(), request.headers.end(),
                                           [name](const auto& header) { return header.first == name; }));
}

HttpAnswer Refusal(int status, const absl::Status& why, std::string_view reason) {
  HttpAnswer answer;
  answer.status = status;
  answer.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  answer.body = ConnectErrorJson(OwnError(why, reason));
  return answer;
}

}  // namespace

absl::StatusOr<OriginRules> OriginRules::Create(const std::string& address, const std::vector<std::string>& origins,
                                                const std::vector<std::string>& hosts) {
  OriginRules rules;
  const std::optional<Place> own = ReadPlace(address);
  if (!own.has_value()) return absl::InvalidArgumentError(absl::StrCat("\"", address, "\" is no address"));
  rules.any_address_ = own->host == "0.0.0.0" || own->host == "[::]";
  rules.names_.insert(own->host);
  if (IsLoopback(own->host)) rules.names_.insert({"localhost", "127.0.0.1", "[::1]"});
  for (const std::string& host : hosts) {
    const std::optional<Place> place = ReadPlace(host);
    if (!place.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", host, "\" is no name of a host, such as \"sallyport.example\""));
    }
    if (place->port.empty()) {
      rules.names_.insert(place->host);
    } else {
      rules.places_.insert(absl::StrCat(place->host, ":", place->port));
    }
  }
  for (const std::string& origin : origins) {
    absl::string_view rest = origin;
    const bool scheme = absl::ConsumePrefix(&rest, "https://") || absl::ConsumePrefix(&rest, "http://");
    if (!scheme || !ReadPlace(std::string(rest)).has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", origin, "\" is no origin, such as \"https://sallyport.example\", without a path"));
    }
    rules.origins_.insert(absl::AsciiStrToLower(origin));
  }
  return rules;
}

bool OriginRules::KnowsHost(const std::string& host) const {
  const std::optional<Place> place = ReadPlace(host);
  if (!place.has_value()) return false;
  return names_.count(place->host) > 0 || places_.count(absl::StrCat(place->host, ":", place->port)) > 0 ||
         (any_address_ && (IsAddress(place->host) || place->host == "localhost"));
}

bool OriginRules::KnowsOrigin(const ReceivedRequest& request, const std::string& origin) const {
  const std::string asked = absl::AsciiStrToLower(origin);
  if (origins_.count(asked) > 0) return true;
  const std::string* host = request.Header("host");
  // The door's own pages. Something in front of it may have the TLS.
  const std::string own = host == nullptr ? "" : absl::AsciiStrToLower(*host);
  return !own.empty() &&
         (asked == absl::StrCat("https://", own) || (!request.peer.tls && asked == absl::StrCat("http://", own)));
}

std::optional<HttpAnswer> OriginRules::Refuse(const ReceivedRequest& request) const {
  if (CountOf(request, "host") != 1) {
    return Refusal(400, absl::InvalidArgumentError("a request has one header \"Host\""), "BAD_HOST");
  }
  if (const std::string& host = *request.Header("host"); !KnowsHost(host)) {
    return Refusal(421,
                   absl::PermissionDeniedError(absl::StrCat("nobody is known here as \"", absl::CHexEscape(host),
                                                            "\": api.hosts lists the names")),
                   "UNKNOWN_HOST");
  }
  if (CountOf(request, "origin") > 1) {
    return Refusal(400, absl::InvalidArgumentError("a request has one header \"Origin\" at most"), "BAD_ORIGIN");
  }
  const std::string* origin = request.Header("origin");
  if (origin == nullptr || KnowsOrigin(request, *origin)) return std::nullopt;
  return Refusal(403,
                 absl::PermissionDeniedError(absl::StrCat("pages of \"", absl::CHexEscape(*origin),
                                                          "\" may not ask here: api.origins lists those that may")),
                 "UNKNOWN_ORIGIN");
}

std::optional<HttpAnswer> OriginRules::AnswerPreflight(const ReceivedRequest& request) {
  if (request.method != "OPTIONS" || request.Header("origin") == nullptr ||
      request.Header("access-control-request-method") == nullptr) {
    return std::nullopt;
  }
  HttpAnswer answer;
  answer.status = 204;
  answer.headers = {{"Access-Control-Allow-Origin", *request.Header("origin")},
                    {"Access-Control-Allow-Methods", "GET, POST"},
                    {"Access-Control-Allow-Headers", kMayBeSent},
                    {"Access-Control-Max-Age", kPreflightSeconds},
                    {"Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}};
  return answer;
}

void OriginRules::Permit(const ReceivedRequest& request, HttpHeaders& headers) {
  const std::string* origin = request.Header("origin");
  if (origin == nullptr) return;
  std::vector<std::string> shown = {"grpc-status", "grpc-message", "grpc-status-details-bin"};
  for (const auto& [name, value] : headers) shown.push_back(absl::AsciiStrToLower(name));
  std::sort(shown.begin(), shown.end());
  shown.erase(std::unique(shown.begin(), shown.end()), shown.end());
  headers.emplace_back("Access-Control-Allow-Origin", *origin);
  headers.emplace_back("Access-Control-Expose-Headers", absl::StrJoin(shown, ", "));
  headers.emplace_back("Vary", "Origin");
}

}  // namespace sallyport::gateway
