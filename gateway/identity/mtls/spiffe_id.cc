#include "gateway/identity/mtls/spiffe_id.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"

namespace sallyport::gateway {
namespace {

constexpr std::string_view kScheme = "spiffe:";
constexpr std::string_view kStart = "spiffe://";
constexpr size_t kMostBytes = 2048;
constexpr size_t kMostTrustDomainBytes = 255;

bool IsLower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'; }
bool IsSegmentCharacter(char c) { return IsLower(c) || (c >= 'A' && c <= 'Z'); }

absl::Status CheckPath(std::string_view path) {
  if (path.size() < 2) return absl::InvalidArgumentError("without a path, which is of an authority, not of a workload");
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    if (segment.empty()) return absl::InvalidArgumentError("whose path has an empty segment or ends in a slash");
    if (segment == "." || segment == "..") return absl::InvalidArgumentError("whose path has a segment of dots");
    if (!std::all_of(segment.begin(), segment.end(), IsSegmentCharacter)) {
      return absl::InvalidArgumentError(
          "whose path has characters other than letters, digits, dots, dashes and underscores");
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool ClaimsToBeSpiffeId(std::string_view uri) {
  return absl::StartsWithIgnoreCase(recorder::View(uri), recorder::View(kScheme));
}

absl::Status CheckTrustDomain(std::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("without a trust domain");
  if (name.size() > kMostTrustDomainBytes) return absl::InvalidArgumentError("whose trust domain is too long");
  // Which leaves out ports, user names, percent signs and upper case.
  if (!std::all_of(name.begin(), name.end(), IsLower)) {
    return absl::InvalidArgumentError(
        "whose trust domain has characters other than a-z, 0-9, dots, dashes and underscores");
  }
  return absl::OkStatus();
}

absl::StatusOr<SpiffeId> SpiffeId::Parse(std::string_view uri) {
  if (uri.size() > kMostBytes) return absl::InvalidArgumentError("that is too long");
  if (!uri.starts_with(kStart)) return absl::InvalidArgumentError("that does not begin with spiffe://");
  const std::string_view rest = uri.substr(kStart.size());
  const std::string_view trust_domain = rest.substr(0, rest.find('/'));
  if (absl::Status status = CheckTrustDomain(trust_domain); !status.ok()) return status;
  const std::string_view path = rest.substr(trust_domain.size());
  if (absl::Status status = CheckPath(path); !status.ok()) return status;
  return SpiffeId{std::string(trust_domain), std::string(path)};
}

std::string SpiffeId::Authority() const { return absl::StrCat("spiffe://", trust_domain); }

}  // namespace sallyport::gateway
