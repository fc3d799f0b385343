#include "recorder/format/name_sealer.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "recorder/format/store_secrets.h"

namespace sallyport::recorder {
namespace {

Hash KeyedHash(const SecretKey& key, NameKind kind, std::string_view name) {
  std::string data(1, static_cast<char>(kind));
  data += name;
  return HmacSha256(key.bytes(), data);
}

}  // namespace

std::string StoreIdText(const StoreId& id) { return absl::BytesToHexString({id.data(), id.size()}); }

NameSealer::NameSealer(const SecretKey& names, const SecretKey& hashes, const StoreId& store_id)
    : hash_key_(hashes.Copy()), nonce_key_(names.Derive("nonce")), store_id_(store_id), cipher_(names.Derive("seal")) {}

std::shared_ptr<const NameSealer> NameSealer::Of(const StoreSecrets& keys) {
  return std::make_shared<NameSealer>(keys.Derive("names"), keys.Derive("name hashes"), keys.store_id());
}

NameHash NameSealer::HashOf(NameKind kind, std::string_view name) const {
  const Hash whole = KeyedHash(hash_key_, kind, name);
  NameHash hash;
  std::copy_n(whole.begin(), hash.size(), hash.begin());
  return hash;
}

std::string NameSealer::Seal(NameKind kind, const NameHash& hash, std::string_view name) const {
  const Hash whole = KeyedHash(nonce_key_, kind, name);
  Aes256Gcm::Nonce nonce;
  std::copy_n(whole.begin(), nonce.size(), nonce.begin());
  std::string sealed(nonce.begin(), nonce.end());
  std::lock_guard lock(mutex_);
  cipher_.Seal(nonce, AssociatedData(kind, AsText(hash)), name, sealed);
  return sealed;
}

absl::StatusOr<std::string> NameSealer::Open(NameKind kind, std::string_view hash, std::string_view sealed) const {
  std::string name;
  if (sealed.size() >= Aes256Gcm::kNonceSize + Aes256Gcm::kTagSize) {
    Aes256Gcm::Nonce nonce;
    std::copy_n(sealed.begin(), nonce.size(), nonce.begin());
    std::lock_guard lock(mutex_);
    if (cipher_.Open(nonce, AssociatedData(kind, hash), sealed.substr(nonce.size()), name)) return name;
  }
  return absl::DataLossError(
      "a name in the index does not open with this store's key: the index was changed or is of another store; "
      "`sallyport index rebuild` makes it again");
}

std::string NameSealer::AssociatedData(NameKind kind, std::string_view hash) const {
  std::string data(store_id_.begin(), store_id_.end());
  data += static_cast<char>(kind);
  data += hash;
  return data;
}

}  // namespace sallyport::recorder
