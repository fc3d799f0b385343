// Keyrings as text: what is taken can be rotated and cut down again, and no error shows what is in one.
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "recorder/crypto/text.h"
#include "recorder/keys/keyring.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {
namespace {

// So long a word can be a key, or a good part of one. A time, such as errors give for an example, is none.
bool MayBeSecret(absl::string_view word) { return word.size() >= 16 && word.find(':') == absl::string_view::npos; }

void CheckNothingIsShown(std::string_view input, const absl::Status& error) {
  const std::string said(error.message());
  for (absl::string_view word : absl::StrSplit(View(input), absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty())) {
    Require(!MayBeSecret(word) || said.find(std::string(word)) == std::string::npos,
            "no error shows what is in a keyring");
  }
}

void CheckRotation(std::string_view input, const Keyring& keyring) {
  const absl::StatusOr<SecretText> rotated = WithFreshKey(input, keyring, absl::UnixEpoch());
  Require(rotated.ok(), "a fresh key can be added");
  const absl::StatusOr<Keyring> again = Keyring::Parse(rotated->view(), "rotated");
  // One that is nearly as large as can be may have no room for it.
  if (!again.ok()) return Require(rotated->view().size() > Keyring::kMaxSize, "a rotated keyring is a keyring");
  Require(again->keys().size() == keyring.keys().size() + 1, "rotation adds one key");
  std::vector<std::string> older;
  for (const KeyEncryptionKey& key : keyring.keys()) {
    const KeyEncryptionKey* kept = again->Find(key.id);
    Require(kept != nullptr && kept->key.bytes() == key.key.bytes(), "rotation keeps the older keys");
    Require(key.id != again->current().id, "the fresh key is another");
    older.push_back(key.id);
  }
  const SecretText cut = WithoutKeys(rotated->view(), older);
  const absl::StatusOr<Keyring> left = Keyring::Parse(cut.view(), "cut");
  Require(left.ok() && left->keys().size() == 1 && left->current().id == again->current().id,
          "without the older keys the current one is left");
}

}  // namespace

void FuzzKeyring(std::string_view input) {
  const absl::StatusOr<Keyring> keyring = Keyring::Parse(input, "a keyring");
  if (!keyring.ok()) {
    Require(absl::IsInvalidArgument(keyring.status()), "a bad keyring is an invalid argument");
    return CheckNothingIsShown(input, keyring.status());
  }
  Require(!keyring->keys().empty() && keyring->Find(keyring->current().id) == &keyring->current(),
          "a keyring has a current key");
  CheckRotation(input, *keyring);
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzKeyring)
