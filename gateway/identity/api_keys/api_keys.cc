#include "gateway/identity/api_keys/api_keys.h"

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/api_keys/api_key_file.h"

namespace sallyport::gateway {
namespace {

constexpr char kIssuer[] = "api-keys";

std::shared_ptr<const ProvedIdentity> IdentityOf(const recorder::ApiKey& key) {
  auto identity = std::make_shared<ProvedIdentity>();
  identity->kind = ProofKind::kApiKey;
  identity->issuer = kIssuer;
  identity->subject = key.subject;
  identity->groups = key.groups;
  identity->credential = absl::StrCat("key=", key.id);
  identity->expires = key.expires;
  return identity;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ApiKeys>> ApiKeys::Create(std::string file) {
  std::unique_ptr<ApiKeys> keys(new ApiKeys(std::move(file)));
  absl::Status status = keys->Reload();
  if (absl::IsNotFound(status)) {
    return absl::NotFoundError(absl::StrCat(status.message(), "; `sallyport keys issue-api-key --file ", keys->file(),
                                            "` makes it with the first key"));
  }
  if (!status.ok()) return status;
  return keys;
}

absl::Status ApiKeys::Reload() {
  absl::StatusOr<std::vector<recorder::ApiKey>> read = recorder::ReadApiKeys(file_);
  if (!read.ok()) return read.status();
  auto keys = std::make_shared<KeysById>();
  for (recorder::ApiKey& key : *read) {
    std::shared_ptr<const ProvedIdentity> identity = IdentityOf(key);
    const std::string id = key.id;
    keys->insert_or_assign(id, Known{std::move(key), std::move(identity)});
  }
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
  return absl::OkStatus();
}

ProofResult ApiKeys::Verify(std::string_view token, absl::Time now) const {
  const std::optional<std::string_view> id = recorder::ApiKeyIdOf(token);
  if (!id.has_value()) {
    return absl::UnauthenticatedError("the API key is misspelt or not whole: its checksum does not fit");
  }
  std::shared_ptr<const KeysById> keys;
  {
    const std::shared_lock lock(mutex_);
    keys = keys_;
  }
  const auto found = keys->find(*id);
  if (found == keys->end() || !found->second.key.Matches(token)) {
    return absl::UnauthenticatedError("the API key is not one that the gateway knows");
  }
  const Known& known = found->second;
  if (known.key.revoked.has_value()) return absl::UnauthenticatedError("the API key is revoked");
  if (now >= known.key.expires) return absl::UnauthenticatedError("the API key has expired");
  return known.identity;
}

}  // namespace sallyport::gateway
