#include "gateway/relay/legs/metadata_rules.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"

namespace sallyport::gateway {
namespace {

constexpr std::string_view kAuthorization = "authorization";
constexpr std::string_view kReserved = "sallyport-";
constexpr size_t kMostPathBytes = 1024;

bool IsKeyCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

// Names in errors come from strangers: bounded and escaped.
std::string Shown(std::string_view text) {
  constexpr size_t kMost = 64;
  return absl::StrCat("\"", absl::CHexEscape(std::string(text.substr(0, kMost))), text.size() > kMost ? "…" : "", "\"");
}

bool IsName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
  });
}

// Names with dots between.
bool IsServiceName(std::string_view text) {
  while (true) {
    const size_t dot = text.find('.');
    if (!IsName(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

absl::Status CheckMetadata(const GrpcMetadata& metadata) {
  for (const auto& [grpc_key, grpc_value] : metadata) {
    std::string_view key = View(grpc_key);
    if (key.empty() || !std::all_of(key.begin(), key.end(), IsKeyCharacter)) {
      return absl::InvalidArgumentError(
          absl::StrCat("metadata name ", Shown(key), " is not allowed: names are made of 0-9 a-z _ . -"));
    }
    if (key.ends_with("-bin")) continue;
    std::string_view value = View(grpc_value);
    if (!recorder::IsPrintableAscii(value)) {
      return absl::InvalidArgumentError(absl::StrCat("the value of metadata ", Shown(key),
                                                     " holds bytes that are not printable ASCII: send them under a "
                                                     "name that ends in -bin"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRequestMetadata(const GrpcMetadata& metadata) {
  if (absl::Status status = CheckMetadata(metadata); !status.ok()) return status;
  const size_t shown = metadata.count(grpc::string_ref(kAuthorization.data(), kAuthorization.size()));
  if (shown <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("authorization is there ", shown, " times: send one"));
}

absl::Status CheckSessionName(const GrpcMetadata& metadata) {
  const auto [first, end] = metadata.equal_range(grpc::string_ref(kSessionKey.data(), kSessionKey.size()));
  for (auto name = first; name != end; ++name) {
    if (name->second.size() <= kMostSessionNameBytes) continue;
    return absl::InvalidArgumentError(absl::StrCat("the value of metadata \"sallyport-session\" has ",
                                                   name->second.size(), " bytes: at most ", kMostSessionNameBytes));
  }
  return absl::OkStatus();
}

bool IsReserved(std::string_view key) {
  if (key.size() < kReserved.size()) return false;
  return std::equal(kReserved.begin(), kReserved.end(), key.begin(), [](char reserved, char c) {
    if (reserved == '-') return c == '-' || c == '_' || c == '.';
    return absl::ascii_tolower(static_cast<unsigned char>(c)) == reserved;
  });
}

bool PassesUpstream(std::string_view key) { return key != "user-agent" && !IsReserved(key); }

bool PassesToCaller(std::string_view key) { return !IsReserved(key); }

absl::Status CheckPath(std::string_view path) {
  const bool begins = path.size() <= kMostPathBytes && path.starts_with('/');
  const std::string_view names = begins ? path.substr(1) : "";
  const size_t slash = names.find('/');
  if (slash != std::string_view::npos && IsServiceName(names.substr(0, slash)) && IsName(names.substr(slash + 1))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("the path ", Shown(path), " is not /package.Service/Method"));
}

}  // namespace sallyport::gateway
