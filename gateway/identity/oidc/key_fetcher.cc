#include "gateway/identity/oidc/key_fetcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/files/small_file.h"
#include "gateway/identity/jwt/strict_json.h"

namespace sallyport::gateway {
namespace {

constexpr int kOk = 200;
constexpr size_t kMostUrlBytes = 2048;
constexpr absl::Duration kFileInterval = absl::Seconds(5);

absl::Status Within(absl::string_view what, const std::string& url, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(what, " of ", PublicPart(url), ": ", status.message()));
}

// A member of the provider's metadata that must be text.
absl::StatusOr<std::string> Member(const nlohmann::json& document, const char* name) {
  const auto member = document.find(name);
  if (member == document.end() || !member->is_string()) {
    return absl::InvalidArgumentError(absl::StrCat("has no text \"", name, "\""));
  }
  return member->get<std::string>();
}

}  // namespace

KeyFetcher::KeyFetcher(std::string issuer, KeySourceOptions options, std::unique_ptr<HttpClient> http)
    : issuer_(std::move(issuer)), options_(std::move(options)), http_(std::move(http)), jwks_url_(options_.jwks_url) {}

absl::StatusOr<std::shared_ptr<const KeySet>> KeyFetcher::Fetch(absl::Time now) {
  if (!options_.jwks_file.empty()) {
    absl::StatusOr<std::string> text = ReadSmallFile(options_.jwks_file, KeySet::kMostBytes);
    if (!text.ok()) return text.status();
    absl::StatusOr<std::shared_ptr<const KeySet>> keys = KeySet::Parse(*text);
    if (!keys.ok()) return absl::InvalidArgumentError(absl::StrCat(options_.jwks_file, ": ", keys.status().message()));
    return keys;
  }
  const bool discovers = options_.jwks_url.empty();
  if (discovers && (jwks_url_.empty() || now < discovered_ || now - discovered_ >= options_.refresh)) {
    jwks_url_.clear();
    if (absl::Status status = Discover(now); !status.ok()) return status;
  }
  absl::StatusOr<std::string> text = Get(jwks_url_, "keys");
  absl::StatusOr<std::shared_ptr<const KeySet>> keys = text.ok() ? KeySet::Parse(*text) : text.status();
  if (!keys.ok()) {
    const absl::Status status = text.ok() ? Within("keys", jwks_url_, keys.status()) : text.status();
    if (discovers) jwks_url_.clear();
    return status;
  }
  return keys;
}

absl::Status KeyFetcher::Discover(absl::Time now) {
  constexpr absl::string_view kWhat = "OpenID configuration";
  absl::StatusOr<std::string> text = Get(options_.discovery_url, kWhat);
  if (!text.ok()) return text.status();
  const auto wrong = [this, kWhat](const absl::Status& status) {
    return Within(kWhat, options_.discovery_url, status);
  };
  absl::StatusOr<nlohmann::json> document = ParseStrictObject(*text);
  if (!document.ok()) return wrong(document.status());
  absl::StatusOr<std::string> issuer = Member(*document, "issuer");
  if (!issuer.ok()) return wrong(issuer.status());
  if (*issuer != issuer_) {
    return wrong(absl::InvalidArgumentError("names another issuer than the configuration: they must be exactly equal"));
  }
  absl::StatusOr<std::string> url = Member(*document, "jwks_uri");
  if (!url.ok()) return wrong(url.status());
  if (url->size() > kMostUrlBytes || !CheckUrl(*url).ok()) {
    return wrong(absl::InvalidArgumentError("has a jwks_uri that is no URL"));
  }
  if (IsExposed(*url) && !IsExposed(options_.discovery_url)) {
    return wrong(absl::InvalidArgumentError("has a jwks_uri that is not https"));
  }
  jwks_url_ = *std::move(url);
  discovered_ = now;
  return absl::OkStatus();
}

absl::StatusOr<std::string> KeyFetcher::Get(const std::string& url, absl::string_view what) {
  HttpRequest request;
  request.url = url;
  request.headers = {{"Accept", "application/json"}};
  if (!options_.token_file.empty()) {
    absl::StatusOr<std::string> token = ReadTokenFile(options_.token_file);
    if (!token.ok()) return token.status();
    if (IsExposed(url)) return absl::FailedPreconditionError("the gateway's token is shown over https only");
    request.headers.emplace_back("Authorization", absl::StrCat("Bearer ", *token));
  }
  absl::StatusOr<HttpResponse> response = http_->Send(request);
  if (!response.ok()) {  // which says whom it asked
    return absl::Status(response.status().code(), absl::StrCat(what, " of ", response.status().message()));
  }
  if (response->status != kOk) return Within(what, url, UnexpectedAnswer(*response));
  return std::move(response->body);
}

void KeyFetcher::Cancel() {
  if (http_ != nullptr) http_->Cancel();
}

absl::Duration KeyFetcher::Interval() const {
  return options_.jwks_file.empty() ? options_.refresh : std::min(options_.refresh, kFileInterval);
}

}  // namespace sallyport::gateway
