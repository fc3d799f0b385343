#include "recorder/keys/store_keys.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <list>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/format/data_key_state.h"
#include "recorder/format/missing_parts.h"
#include "recorder/keys/key_encryption.h"
#include "recorder/keys/key_file.h"
#include "recorder/keys/keyring.h"

namespace sallyport::recorder {
namespace {

// Of segments that are read over and over: a command that unwraps may take its time.
constexpr size_t kCachedDataKeys = 64;

// Data keys by segment, the one used last in front. Not thread-safe.
class DataKeyCache {
 public:
  std::optional<DataKey> Find(uint64_t segment) {
    const auto found = Place(segment);
    if (found == keys_.end()) return std::nullopt;
    keys_.splice(keys_.begin(), keys_, found);
    return DataKey{found->second.id, found->second.key.Copy()};
  }
  void Put(uint64_t segment, const DataKey& key) {
    Drop(segment);
    keys_.emplace_front(segment, DataKey{key.id, key.key.Copy()});
    if (keys_.size() > kCachedDataKeys) keys_.pop_back();
  }
  void Drop(uint64_t segment) {
    if (const auto found = Place(segment); found != keys_.end()) keys_.erase(found);
  }

 private:
  std::list<std::pair<uint64_t, DataKey>>::iterator Place(uint64_t segment) {
    return std::find_if(keys_.begin(), keys_.end(), [&](const auto& entry) { return entry.first == segment; });
  }

  std::list<std::pair<uint64_t, DataKey>> keys_;
};

class WrappedStoreKeys : public StoreKeys {
 public:
  WrappedStoreKeys(StoreLayout layout, FileSystem& files, StoreId store_id, SecretKey secret, const SecretKey& seed,
                   std::unique_ptr<KeyEncryption> encryption)
      : layout_(std::move(layout)),
        files_(files),
        store_id_(store_id),
        secret_(std::move(secret)),
        signing_key_(seed),
        encryption_(std::move(encryption)),
        used_(encryption_->current()) {}

  const StoreId& store_id() const override { return store_id_; }
  SecretKey Derive(std::string_view purpose) const override { return secret_.Derive(purpose); }
  const SigningKey& signing_key() const override { return signing_key_; }

  absl::StatusOr<DataKey> CreateDataKey(uint64_t segment) override {
    absl::StatusOr<SecretKey> key = SecretKey::Random();
    if (!key.ok()) return key.status();
    KeyFile file;
    file.store_id = store_id_;
    file.purpose = KeyPurpose::Data(segment);
    if (absl::Status status = FillRandom(file.id.data(), file.id.size()); !status.ok()) return status;
    DataKey data_key{file.id, *std::move(key)};

    std::lock_guard lock(mutex_);
    // Under the lock of the files no key-encryption key is dropped, so the one that is current now stays.
    const absl::StatusOr<std::unique_ptr<FileLock>> held = FileLock::Take(layout_.KeysLock(), FileLock::Wait::kYes);
    if (!held.ok()) return held.status();
    // A key that only this process still remembers must not protect anything new.
    absl::Status wrapped = encryption_->Refresh();
    if (wrapped.ok()) wrapped = encryption_->Wrap(data_key.key, file);
    if (!wrapped.ok()) {
      return absl::UnavailableError(absl::StrCat("segment ", segment,
                                                 " gets no data key, because the key-encryption key ",
                                                 "is out of reach: ", wrapped.message()));
    }
    if (absl::Status status = ReplaceFile(files_, layout_.DataKey(segment), file.Format()); !status.ok()) return status;
    used_ = file.kek;
    cache_.Put(segment, data_key);
    return data_key;
  }

  absl::StatusOr<DataKey> OpenDataKey(uint64_t segment) override {
    const std::string path = layout_.DataKey(segment);
    std::lock_guard lock(mutex_);
    // Read each time, so that one that was destroyed is gone at once.
    const absl::StatusOr<KeyFile> file = ReadKeyFile(path, KeyPurpose::Data(segment));
    if (!file.ok()) {
      cache_.Drop(segment);
      if (!absl::IsNotFound(file.status())) return file.status();
      return absl::NotFoundError(WhyNoDataKey(layout_, segment));
    }
    if (file->store_id != store_id_) {
      return absl::DataLossError(absl::StrCat(path, ": the key of a segment of another store"));
    }
    if (std::optional<DataKey> cached = cache_.Find(segment); cached.has_value() && cached->id == file->id) {
      return *std::move(cached);
    }
    absl::StatusOr<SecretKey> key = encryption_->Unwrap(*file, path);
    if (!key.ok()) return key.status();
    DataKey data_key{file->id, *std::move(key)};
    cache_.Put(segment, data_key);
    return data_key;
  }

  absl::StatusOr<bool> WasRotated() override {
    std::lock_guard lock(mutex_);
    if (absl::Status status = encryption_->Refresh(); !status.ok()) return status;
    return encryption_->current() != used_;
  }

 private:
  const StoreLayout layout_;
  FileSystem& files_;
  const StoreId store_id_;
  const SecretKey secret_;
  const SigningKey signing_key_;

  std::mutex mutex_;  // guards what follows
  const std::unique_ptr<KeyEncryption> encryption_;
  std::string used_;  // the key-encryption key of the last data key, or the one current at the start
  DataKeyCache cache_;
};

// The key files there are, by name. None if there is no directory for them.
absl::StatusOr<std::vector<std::string>> KeyFileNames(const StoreLayout& layout) {
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(layout.KeysDirectory());
  if (absl::IsNotFound(names.status())) return std::vector<std::string>();
  if (names.ok()) std::erase_if(*names, [](const std::string& name) { return !name.ends_with(".key"); });
  return names;
}

// Refuses to put the keyring beside a data directory that is a mount of its own: what is around a volume, such as the
// layer of a container, may vanish while the volume stays.
absl::Status CheckDefaultLocation(const StoreLayout& layout, const std::string& keyring) {
  struct stat data = {};
  if (stat(layout.directory().c_str(), &data) != 0) return SystemError(errno, "looking at", layout.directory());
  std::string parent = std::filesystem::path(keyring).parent_path();
  if (parent.empty()) parent.push_back('.');
  struct stat around = {};
  if (stat(parent.c_str(), &around) != 0) return SystemError(errno, "looking at", parent);
  if (data.st_dev == around.st_dev) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "where should the keyring be? The data directory ", layout.directory(), " is a volume of its own, and what is ",
      "beside it (", keyring, ") may not last as long. Say where with file:PATH (--keys, or data.keys in the ",
      "configuration): on a volume that lasts, and not the one with the data"));
}

absl::Status CreateKeyring(const StoreLayout& layout, const std::string& path, bool by_default, FileSystem& files,
                           absl::Time now) {
  if (by_default) {
    if (absl::Status status = CheckDefaultLocation(layout, path); !status.ok()) return status;
  }
  const absl::StatusOr<SecretText> text = NewKeyringText(now);
  if (!text.ok()) return text.status();
  if (absl::Status status = ReplaceFile(files, path, text->view()); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat("the keyring could not be made: ", status.message()));
  }
  std::error_code ignored;
  const std::filesystem::path absolute = std::filesystem::absolute(path, ignored);
  spdlog::warn(
      "a new keyring was made: {}. Back it up now, apart from the data: without it nothing that is recorded "
      "can ever be read",
      ignored ? path : absolute.lexically_normal().string());
  return absl::OkStatus();
}

// With what a store is to be made, if there is none yet.
struct Creation {
  FileSystem& files;
  absl::Time now;
};

// Makes what the first start needs and checks that nothing is missing later.
absl::StatusOr<std::unique_ptr<KeyEncryption>> OpenEncryption(const StoreLayout& layout,
                                                              const std::optional<KeySource>& source,
                                                              const Creation* creation) {
  const KeySource keys = source.value_or(KeySource{KeySource::Kind::kFile, layout.DefaultKeyring()});
  absl::StatusOr<std::unique_ptr<KeyEncryption>> encryption = KeyEncryption::Open(keys);
  if (!absl::IsNotFound(encryption.status())) return encryption;
  if (creation == nullptr || keys.kind != KeySource::Kind::kFile) {
    return absl::NotFoundError(absl::StrCat(encryption.status().message(),
                                            "; without its keyring a store cannot be read. Say where it is with ",
                                            "--keys file:PATH, env:NAME or exec:COMMAND"));
  }
  const absl::StatusOr<std::vector<std::string>> names = KeyFileNames(layout);
  if (!names.ok()) return names.status();
  if (!names->empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the keyring ", keys.value, " is gone, but ", layout.KeysDirectory(),
                     " holds keys that need it: ", "restore it from its backup, or say where it is"));
  }
  if (absl::Status status = CheckNoStoreWithoutKeys(layout); !status.ok()) return status;
  const absl::Status created = CreateKeyring(layout, keys.value, !source.has_value(), creation->files, creation->now);
  if (!created.ok()) return created;
  return KeyEncryption::Open(keys);
}

absl::StatusOr<SecretKey> CreateKey(const std::string& path, const StoreId& store_id, KeyPurpose purpose,
                                    KeyEncryption& encryption, FileSystem& files) {
  absl::StatusOr<SecretKey> key = SecretKey::Random();
  if (!key.ok()) return key.status();
  KeyFile file;
  file.store_id = store_id;
  file.purpose = purpose;
  if (absl::Status status = encryption.Wrap(*key, file); !status.ok()) return status;
  if (absl::Status status = ReplaceFile(files, path, file.Format()); !status.ok()) return status;
  return key;
}

// The keys of a store that has none yet.
absl::StatusOr<std::unique_ptr<StoreKeys>> CreateStoreKeys(const StoreLayout& layout, FileSystem& files,
                                                           std::unique_ptr<KeyEncryption> encryption) {
  if (absl::Status status = CheckNoStoreWithoutKeys(layout); !status.ok()) return status;
  StoreId store_id;
  if (absl::Status status = FillRandom(store_id.data(), store_id.size()); !status.ok()) return status;
  if (absl::Status status = files.EnsureDirectory(layout.KeysDirectory()); !status.ok()) return status;
  absl::StatusOr<SecretKey> seed = CreateKey(layout.SigningKey(), store_id, KeyPurpose::Signing(), *encryption, files);
  if (!seed.ok()) return seed.status();
  absl::StatusOr<SecretKey> secret = CreateKey(layout.StoreKey(), store_id, KeyPurpose::Store(), *encryption, files);
  if (!secret.ok()) return secret.status();
  return std::make_unique<WrappedStoreKeys>(layout, files, store_id, *std::move(secret), *seed, std::move(encryption));
}

// Without `creation` everything must be there.
absl::StatusOr<std::unique_ptr<StoreKeys>> OpenStoreKeys(const StoreLayout& layout,
                                                         const std::optional<KeySource>& source,
                                                         const Creation* creation) {
  absl::StatusOr<std::unique_ptr<KeyEncryption>> encryption = OpenEncryption(layout, source, creation);
  if (!encryption.ok()) return encryption.status();

  const absl::StatusOr<KeyFile> store_file = ReadKeyFile(layout.StoreKey(), KeyPurpose::Store());
  if (absl::IsNotFound(store_file.status()) && creation != nullptr) {
    return CreateStoreKeys(layout, creation->files, *std::move(encryption));
  }
  if (!store_file.ok()) return store_file.status();
  const absl::StatusOr<KeyFile> signing_file = ReadKeyFile(layout.SigningKey(), KeyPurpose::Signing());
  if (absl::IsNotFound(signing_file.status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        layout.SigningKey(), " is gone: restore it from a backup, it is what checkpoints are signed with"));
  }
  if (!signing_file.ok()) return signing_file.status();
  if (signing_file->store_id != store_file->store_id) {
    return absl::DataLossError(absl::StrCat(layout.SigningKey(), ": the signing key of another store"));
  }
  absl::StatusOr<SecretKey> secret = (*encryption)->Unwrap(*store_file, layout.StoreKey());
  if (!secret.ok()) return secret.status();
  absl::StatusOr<SecretKey> seed = (*encryption)->Unwrap(*signing_file, layout.SigningKey());
  if (!seed.ok()) return seed.status();
  return std::make_unique<WrappedStoreKeys>(layout, creation == nullptr ? RealFileSystem() : creation->files,
                                            store_file->store_id, *std::move(secret), *seed, *std::move(encryption));
}

}  // namespace

absl::StatusOr<std::unique_ptr<StoreKeys>> StoreKeys::Open(const StoreLayout& layout,
                                                           const std::optional<KeySource>& source) {
  return OpenStoreKeys(layout, source, nullptr);
}

absl::StatusOr<std::unique_ptr<StoreKeys>> StoreKeys::OpenOrCreate(const StoreLayout& layout,
                                                                   const std::optional<KeySource>& source,
                                                                   FileSystem& files, absl::Time now) {
  const Creation creation{files, now};
  return OpenStoreKeys(layout, source, &creation);
}

}  // namespace sallyport::recorder
