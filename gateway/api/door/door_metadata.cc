#include "gateway/api/door/door_metadata.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sallyport::gateway {
namespace {

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// Of HTTP, one connection or one protocol; or a credential, which goes another way.
constexpr std::string_view kNotHandedOn[] = {"accept",
                                             "accept-charset",
                                             "accept-encoding",
                                             "accept-language",
                                             "authorization",
                                             "cache-control",
                                             "connection",
                                             "content-encoding",
                                             "content-length",
                                             "content-type",
                                             "cookie",
                                             "date",
                                             "dnt",
                                             "expect",
                                             "forwarded",
                                             "host",
                                             "http2-settings",
                                             "if-none-match",
                                             "keep-alive",
                                             "origin",
                                             "pragma",
                                             "priority",
                                             "proxy-connection",
                                             "range",
                                             "referer",
                                             "sallyport-csrf",
                                             "sallyport-visit",
                                             "set-cookie",
                                             "te",
                                             "trailer",
                                             "transfer-encoding",
                                             "upgrade",
                                             "upgrade-insecure-requests",
                                             "user-agent",
                                             "via",
                                             "x-user-agent"};
constexpr std::string_view kPrefixesNotHandedOn[] = {"access-control-", "connect-", "grpc-",
                                                     "proxy-",          "sec-",     "x-grpc-"};

bool IsHandedOn(std::string_view name) {
  if (std::find(std::begin(kNotHandedOn), std::end(kNotHandedOn), name) != std::end(kNotHandedOn)) return false;
  return std::none_of(std::begin(kPrefixesNotHandedOn), std::end(kPrefixesNotHandedOn),
                      [name](std::string_view prefix) { return absl::StartsWith(View(name), View(prefix)); });
}

bool IsBinary(std::string_view name) { return absl::EndsWith(View(name), "-bin"); }

// gRPC ends the program that gives it others.
bool CanBeName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) || absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
           c == '-' || c == '_' || c == '.';
  });
}

bool CanBeValue(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

absl::Status Fault(std::string_view name, const char* what) {
  return absl::InvalidArgumentError(absl::StrCat("the header \"", absl::CHexEscape(View(name)), "\" ", what));
}

}  // namespace

absl::StatusOr<DoorMetadata> MetadataOf(const HttpHeaders& headers) {
  DoorMetadata metadata;
  for (const auto& [name, value] : headers) {
    if (!IsHandedOn(name)) continue;
    if (!CanBeName(name)) return Fault(name, "has a name that gRPC does not take");
    if (!IsBinary(name)) {
      if (!CanBeValue(value)) return Fault(name, "has a value that is not printable ASCII");
      metadata.emplace_back(name, value);
      continue;
    }
    for (const absl::string_view one : absl::StrSplit(value, ',')) {
      std::string bytes;
      if (!absl::Base64Unescape(absl::StripAsciiWhitespace(one), &bytes)) return Fault(name, "is not base64");
      metadata.emplace_back(name, std::move(bytes));
    }
  }
  return metadata;
}

bool IsShown(std::string_view name) {
  return CanBeName(name) && IsHandedOn(name) && name != "server" && name != "www-authenticate";
}

std::string HeaderValue(std::string_view name, std::string_view value) {
  if (!IsBinary(name)) return std::string(value);
  std::string text = absl::Base64Escape(View(value));
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

void AppendHeaders(const DoorMetadata& metadata, std::string_view prefix, HttpHeaders& headers) {
  for (const auto& [name, value] : metadata) {
    if (IsShown(name)) headers.emplace_back(absl::StrCat(View(prefix), name), HeaderValue(name, value));
  }
}

}  // namespace sallyport::gateway
