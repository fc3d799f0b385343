#include "recorder/keys/key_admin.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/signed_note.h"
#include "recorder/crypto/text.h"
#include "recorder/format/data_key_state.h"
#include "recorder/keys/key_encryption.h"
#include "recorder/keys/key_file.h"
#include "recorder/keys/keyring.h"
#include "recorder/keys/store_keys.h"
#include "recorder/system/private_file.h"

namespace sallyport::recorder {
namespace {

KeySource SourceOf(const StoreLayout& layout, const std::optional<KeySource>& source) {
  return source.value_or(KeySource{KeySource::Kind::kFile, layout.DefaultKeyring()});
}

// A file that a store's key is in.
struct KeyPlace {
  std::string path;
  KeyPurpose purpose;
};

// All there are: store and signing key, then data keys in the order of their segments.
absl::StatusOr<std::vector<KeyPlace>> KeyPlaces(const StoreLayout& layout) {
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(layout.KeysDirectory());
  if (!names.ok()) return names.status();
  std::vector<KeyPlace> places = {{layout.StoreKey(), KeyPurpose::Store()},
                                  {layout.SigningKey(), KeyPurpose::Signing()}};
  std::set<uint64_t> segments;
  for (const std::string& name : *names) {
    if (const std::optional<uint64_t> segment = ParseDataKeyName(name)) segments.insert(*segment);
  }
  for (uint64_t segment : segments) places.push_back({layout.DataKey(segment), KeyPurpose::Data(segment)});
  return places;
}

// A store's keys, opened to be changed.
struct OpenStore {
  KeySource source;
  std::unique_ptr<KeyEncryption> encryption;
  StoreId store_id;
};
absl::StatusOr<OpenStore> OpenForChange(const StoreLayout& layout, const std::optional<KeySource>& source) {
  const absl::StatusOr<KeyFile> store = ReadKeyFile(layout.StoreKey(), KeyPurpose::Store());
  if (!store.ok()) return store.status();
  if (absl::Status status = CheckOwner(layout.KeysDirectory()); !status.ok()) return status;
  OpenStore opened{SourceOf(layout, source), nullptr, store->store_id};
  // The file that a link leads to is the one to be replaced.
  if (opened.source.kind == KeySource::Kind::kFile) {
    std::error_code error;
    const std::string path = std::filesystem::canonical(opened.source.value, error);
    if (!error) opened.source.value = path;
  }
  absl::StatusOr<std::unique_ptr<KeyEncryption>> encryption = KeyEncryption::Open(opened.source);
  if (!encryption.ok()) return encryption.status();
  opened.encryption = *std::move(encryption);
  // Not the keyring of another store.
  const absl::StatusOr<SecretKey> secret = opened.encryption->Unwrap(*store, layout.StoreKey());
  if (!secret.ok()) return secret.status();
  return opened;
}

std::vector<KeysStatus::KeyEncryptionKeyUse> Uses(const KeyEncryption& encryption,
                                                  std::map<std::string, uint64_t> key_files) {
  std::vector<KeysStatus::KeyEncryptionKeyUse> uses;
  const auto add = [&](const std::string& id, std::optional<absl::Time> created) {
    uses.push_back({id, created, id == encryption.current(), false, key_files[id]});
    key_files.erase(id);
  };
  if (encryption.keyring() == nullptr) {
    add(std::string(encryption.current()), std::nullopt);
  } else {
    for (const KeyEncryptionKey& key : encryption.keyring()->keys()) add(key.id, key.created);
  }
  for (const auto& [id, count] : key_files) uses.push_back({id, std::nullopt, false, true, count});
  return uses;
}

// Wraps one key file again. False if that was not needed, or the file is gone. It may change meanwhile, since the lock
// is not held while a command runs.
absl::StatusOr<bool> RewrapFile(const StoreLayout& layout, const KeyPlace& place, OpenStore& store, FileSystem& files) {
  while (true) {
    const absl::StatusOr<KeyFile> before = ReadKeyFile(place.path, place.purpose);
    if (absl::IsNotFound(before.status())) return false;
    if (!before.ok()) return before.status();
    if (before->store_id != store.store_id) {
      return absl::DataLossError(absl::StrCat(place.path, ": a key of another store"));
    }
    if (before->kek == store.encryption->current() && before->kek != KeyFile::kCommandKek) return false;
    const absl::StatusOr<SecretKey> key = store.encryption->Unwrap(*before, place.path);
    if (!key.ok()) return key.status();
    KeyFile after = *before;
    if (absl::Status status = store.encryption->Wrap(*key, after); !status.ok()) return status;
    // It is to take the place of the only copy.
    const absl::StatusOr<SecretKey> again = store.encryption->Unwrap(after, place.path);
    if (!again.ok()) return again.status();
    if (again->bytes() != key->bytes()) {
      return absl::InternalError(
          absl::StrCat(place.path, ": what was wrapped is not what is unwrapped; left as it was"));
    }
    const absl::StatusOr<std::unique_ptr<FileLock>> held = FileLock::Take(layout.KeysLock(), FileLock::Wait::kYes);
    if (!held.ok()) return held.status();
    const absl::StatusOr<KeyFile> now = ReadKeyFile(place.path, place.purpose);
    if (now.ok() && now->Format() != before->Format()) continue;
    if (absl::IsNotFound(now.status())) return false;
    if (!now.ok()) return now.status();
    if (absl::Status status = ReplaceFile(files, place.path, after.Format()); !status.ok()) return status;
    return true;
  }
}

absl::StatusOr<std::vector<std::string>> DropUnusedKeys(const StoreLayout& layout, const OpenStore& store,
                                                        FileSystem& files) {
  const std::string& path = store.source.value;
  if (absl::Status status = CheckOwner(path); !status.ok()) return status;
  // While it is held nobody wraps a key.
  const absl::StatusOr<std::unique_ptr<FileLock>> held = FileLock::Take(layout.KeysLock(), FileLock::Wait::kYes);
  if (!held.ok()) return held.status();
  const absl::StatusOr<KeyringFile> ring = ReadKeyringFile(path);
  if (!ring.ok()) return ring.status();
  const absl::StatusOr<std::vector<KeyPlace>> places = KeyPlaces(layout);
  if (!places.ok()) return places.status();
  std::set<std::string> used = {ring->keyring.current().id};
  for (const KeyPlace& place : *places) {
    // One that cannot be read may need any of them.
    const absl::StatusOr<KeyFile> file = ReadKeyFile(place.path, place.purpose);
    if (absl::IsNotFound(file.status())) continue;
    if (!file.ok()) return file.status();
    used.insert(file->kek);
  }
  std::vector<std::string> unused;
  for (const KeyEncryptionKey& key : ring->keyring.keys()) {
    if (!used.contains(key.id)) unused.push_back(key.id);
  }
  if (unused.empty()) return unused;
  const SecretText kept = WithoutKeys(ring->text.view(), unused);
  if (absl::Status status = ReplaceFile(files, path, kept.view()); !status.ok()) return status;
  return unused;
}

}  // namespace

absl::StatusOr<KeysStatus> ReadKeysStatus(const StoreLayout& layout, const std::optional<KeySource>& source) {
  const absl::StatusOr<std::unique_ptr<StoreKeys>> keys = StoreKeys::Open(layout, source);
  if (!keys.ok()) return keys.status();
  const KeySource from = SourceOf(layout, source);
  const absl::StatusOr<std::unique_ptr<KeyEncryption>> encryption = KeyEncryption::Open(from);
  if (!encryption.ok()) return encryption.status();

  KeysStatus status;
  status.source = from.Describe();
  status.store_id = absl::BytesToHexString({(*keys)->store_id().data(), (*keys)->store_id().size()});
  const absl::StatusOr<VerifierKey> verifier = VerifierKey::Make(
      absl::StrCat("sallyport/", status.store_id), SignatureType::kEd25519, (*keys)->signing_key().public_key());
  if (!verifier.ok()) return verifier.status();
  status.verifier_key = verifier->Text();
  const absl::StatusOr<std::vector<KeyPlace>> places = KeyPlaces(layout);
  if (!places.ok()) return places.status();
  std::map<std::string, uint64_t> key_files;
  std::map<uint64_t, std::optional<std::string>> segments;
  const absl::StatusOr<std::vector<std::string>> logs = ListDirectory(layout.LogDirectory());
  if (!logs.ok() && !absl::IsNotFound(logs.status())) return logs.status();
  for (const std::string& name : logs.value_or(std::vector<std::string>())) {
    if (const std::optional<uint64_t> segment = ParseSegmentName(name)) segments[*segment] = std::nullopt;
  }
  for (const KeyPlace& place : *places) {
    const absl::StatusOr<KeyFile> file = ReadKeyFile(place.path, place.purpose);
    if (absl::IsNotFound(file.status())) continue;
    if (!file.ok()) return file.status();
    ++key_files[file->kek];
    if (place.purpose.kind == KeyPurpose::Kind::kData) segments[place.purpose.segment] = file->kek;
  }
  status.key_encryption_keys = Uses(**encryption, std::move(key_files));
  for (const auto& [segment, kek] : segments) {
    const bool shredded = !kek.has_value() && StateOfDataKey(layout, segment) == DataKeyState::kDestroyed;
    status.segments.push_back({segment, kek, shredded});
  }
  return status;
}

absl::StatusOr<Rotation> RotateKeyring(const StoreLayout& layout, const std::optional<KeySource>& source,
                                       absl::Time now, FileSystem& files) {
  switch (SourceOf(layout, source).kind) {
    case KeySource::Kind::kEnvironment:
      return absl::FailedPreconditionError(
          "the keyring is in an environment variable, which cannot be changed from here, and a fresh key must not be "
          "shown on a terminal. Where the variable is set, add a line `kek <8 hex digits> <time> <base64 of 32 bytes>` "
          "at the end of the keyring, start the gateway again, and then run `sallyport keys rewrap`");
    case KeySource::Kind::kCommand:
      return absl::FailedPreconditionError(
          "the key-encryption key is the key command's: rotate it there (with Vault: `vault write -f "
          "transit/keys/NAME/rotate`), and then run `sallyport keys rewrap`");
    case KeySource::Kind::kFile:
      break;
  }
  const absl::StatusOr<OpenStore> store = OpenForChange(layout, source);
  if (!store.ok()) return store.status();
  const std::string& path = store->source.value;
  if (absl::Status status = CheckOwner(path); !status.ok()) return status;
  const absl::StatusOr<std::unique_ptr<FileLock>> held = FileLock::Take(layout.KeysLock(), FileLock::Wait::kYes);
  if (!held.ok()) return held.status();
  const absl::StatusOr<KeyringFile> ring = ReadKeyringFile(path);
  if (!ring.ok()) return ring.status();
  const absl::StatusOr<SecretText> text = WithFreshKey(ring->text.view(), ring->keyring, now);
  if (!text.ok()) return text.status();
  const absl::StatusOr<Keyring> rotated = Keyring::Parse(text->view(), path);
  if (!rotated.ok()) return rotated.status();
  if (absl::Status status = ReplaceFile(files, path, text->view()); !status.ok()) return status;
  return Rotation{path, rotated->current().id};
}

absl::StatusOr<Rewrapping> RewrapKeys(const StoreLayout& layout, const std::optional<KeySource>& source,
                                      UnusedKeys unused, FileSystem& files,
                                      absl::FunctionRef<void(uint64_t, uint64_t)> progress) {
  absl::StatusOr<OpenStore> store = OpenForChange(layout, source);
  if (!store.ok()) return store.status();
  if (unused == UnusedKeys::kDrop && store->source.kind != KeySource::Kind::kFile) {
    return absl::FailedPreconditionError(
        "only from a keyring file can unused keys be dropped; `sallyport keys status` says which are unused");
  }
  const absl::StatusOr<std::vector<KeyPlace>> places = KeyPlaces(layout);
  if (!places.ok()) return places.status();
  Rewrapping done;
  for (const KeyPlace& place : *places) {
    const absl::StatusOr<bool> rewrapped = RewrapFile(layout, place, *store, files);
    if (!rewrapped.ok()) return rewrapped.status();
    ++(*rewrapped ? done.rewrapped : done.left);
    progress(done.rewrapped + done.left, places->size());
  }
  if (unused == UnusedKeys::kDrop) {
    absl::StatusOr<std::vector<std::string>> dropped = DropUnusedKeys(layout, *store, files);
    if (!dropped.ok()) return dropped.status();
    done.dropped = *std::move(dropped);
  }
  return done;
}

}  // namespace sallyport::recorder
