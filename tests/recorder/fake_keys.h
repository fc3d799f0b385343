// Keys without files.
#ifndef SALLYPORT_TESTS_RECORDER_FAKE_KEYS_H_
#define SALLYPORT_TESTS_RECORDER_FAKE_KEYS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "recorder/keys/store_keys.h"

namespace sallyport::recorder {

// Fixed keys, so that what is written can be written again. Data keys can be destroyed.
class FakeKeys : public StoreKeys {
 public:
  FakeKeys() : signing_key_(SecretKey(std::string(SecretKey::kSize, 's'))) {
    for (size_t i = 0; i < store_id_.size(); ++i) store_id_[i] = static_cast<char>(0xA0 + i);
  }

  const StoreId& store_id() const override { return store_id_; }
  SecretKey Derive(std::string_view purpose) const override {
    return SecretKey(std::string(SecretKey::kSize, 'm')).Derive(purpose);
  }
  const SigningKey& signing_key() const override { return signing_key_; }
  absl::StatusOr<DataKey> CreateDataKey(uint64_t segment) override {
    ++asked_;
    return out_of_reach_ ? absl::StatusOr<DataKey>(absl::UnavailableError("the keyring is away")) : KeyOf(segment);
  }
  absl::StatusOr<DataKey> OpenDataKey(uint64_t segment) override {
    if (destroyed_.count(segment) != 0) return absl::NotFoundError("the data key was destroyed");
    return KeyOf(segment);
  }
  absl::StatusOr<bool> WasRotated() override { return false; }

  void Destroy(uint64_t segment) { destroyed_.insert(segment); }
  // Whether no data key can be made.
  void PutOutOfReach(bool out_of_reach) { out_of_reach_ = out_of_reach; }
  // How often a data key was asked for.
  int asked() const { return asked_; }

 private:
  static DataKey KeyOf(uint64_t segment) {
    DataKey key{{}, SecretKey(std::string(SecretKey::kSize, static_cast<char>('0' + segment)))};
    for (size_t i = 0; i < key.id.size(); ++i) key.id[i] = static_cast<char>(0xB0 + i);
    return key;
  }

  StoreId store_id_ = {};
  SigningKey signing_key_;
  std::set<uint64_t> destroyed_;
  bool out_of_reach_ = false;
  int asked_ = 0;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_FAKE_KEYS_H_
