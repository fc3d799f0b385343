#include "gateway/relay/metadata_rules.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

bool IsKeyCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool IsPrintable(char c) { return c >= 0x20 && c <= 0x7e; }

// Names in errors come from strangers: bounded and escaped.
std::string Shown(std::string_view text) {
  constexpr size_t kMost = 64;
  return absl::StrCat("\"", absl::CHexEscape(std::string(text.substr(0, kMost))), text.size() > kMost ? "…" : "", "\"");
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
    if (!std::all_of(value.begin(), value.end(), IsPrintable)) {
      return absl::InvalidArgumentError(absl::StrCat("the value of metadata ", Shown(key),
                                                     " holds bytes that are not printable ASCII: send them under a "
                                                     "name that ends in -bin"));
    }
  }
  return absl::OkStatus();
}

bool PassesUpstream(std::string_view key) { return key != "user-agent" && !key.starts_with("sallyport-"); }

bool PassesToCaller(std::string_view key) { return !key.starts_with("sallyport-"); }

absl::Status CheckPath(std::string_view path) {
  size_t slash = path.rfind('/');
  bool shaped = path.size() >= 4 && path.front() == '/' && slash != std::string_view::npos && slash > 1 &&
                slash + 1 < path.size() && std::all_of(path.begin(), path.end(), IsPrintable);
  if (shaped) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the path ", Shown(path), " is not /package.Service/Method"));
}

std::vector<recorder::Metadatum> ForRecord(const GrpcMetadata& metadata) {
  std::vector<recorder::Metadatum> pairs;
  pairs.reserve(metadata.size());
  for (const auto& [key, value] : metadata) pairs.push_back({View(key), View(value)});
  return pairs;
}

}  // namespace sallyport::gateway
