#include "recorder/keys/keyring.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

constexpr size_t kIdSize = 4;
// Without semicolons, which stand for the ends of lines where a keyring is in an environment variable.
constexpr char kHeader[] =
    "# Sallyport keyring: the keys that protect the keys of a recorded store. The last one is the current one.\n"
    "# Whoever has this file and the store can read everything in it. Without this file nobody can read anything in\n"
    "# it, ever: keep a copy in a safe place, apart from the store.\n";

bool IsBlankOrComment(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t\r");
  return first == std::string_view::npos || line[first] == '#';
}

std::vector<absl::string_view> Words(std::string_view line) {
  return absl::StrSplit(View(line), absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
}

absl::StatusOr<KeyEncryptionKey> ParseLine(std::string_view line) {
  const std::vector<absl::string_view> words = Words(line);
  if (words.size() != 4 || words[0] != "kek") {
    return absl::InvalidArgumentError("is not `kek <8 hex digits> <time> <base64 of 32 bytes>`");
  }
  if (!FromHex({words[1].data(), words[1].size()}, kIdSize).has_value()) {
    return absl::InvalidArgumentError("the id, the second word, is not 8 lower-case hex digits");
  }
  absl::Time created;
  std::string unused;
  if (!absl::ParseTime(absl::RFC3339_full, words[2], &created, &unused)) {
    return absl::InvalidArgumentError("the third word is not a time such as 2026-01-02T03:04:05Z");
  }
  const std::optional<SecretText> bytes = FromBase64({words[3].data(), words[3].size()});
  if (!bytes.has_value() || bytes->view().size() != SecretKey::kSize) {
    return absl::InvalidArgumentError("the fourth word is not the base64 of 32 bytes");
  }
  return KeyEncryptionKey{std::string(words[1]), created, SecretKey(bytes->view())};
}

absl::StatusOr<SecretText> FreshLine(const Keyring* keyring, absl::Time now) {
  char id_bytes[kIdSize];
  std::string id;
  do {
    if (absl::Status status = FillRandom(id_bytes, sizeof(id_bytes)); !status.ok()) return status;
    id = absl::BytesToHexString({id_bytes, sizeof(id_bytes)});
  } while (keyring != nullptr && keyring->Find(id) != nullptr);
  const absl::StatusOr<SecretKey> key = SecretKey::Random();
  if (!key.ok()) return key.status();
  return SecretText(absl::StrCat("kek ", id, " ", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now, absl::UTCTimeZone()), " ",
                                 View(ToBase64(key->bytes()).view()), "\n"));
}

}  // namespace

absl::StatusOr<Keyring> Keyring::Parse(std::string_view text, std::string_view name) {
  if (text.size() > kMaxSize) {
    return absl::InvalidArgumentError(absl::StrCat(View(name), ": is larger than a keyring can be (1 MiB)"));
  }
  Keyring keyring;
  size_t number = 0;
  for (absl::string_view piece : absl::StrSplit(View(text), '\n')) {
    const std::string_view line(piece.data(), piece.size());
    ++number;
    if (IsBlankOrComment(line)) continue;
    absl::StatusOr<KeyEncryptionKey> key = ParseLine(line);
    if (!key.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(View(name), ":", number, ": ", key.status().message()));
    }
    if (keyring.Find(key->id) != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(View(name), ":", number, ": a second key by the id ", key->id));
    }
    keyring.keys_.push_back(*std::move(key));
  }
  if (keyring.keys_.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(View(name), ": holds no key: a line `kek <8 hex digits> <time> <base64 of 32 bytes>` is missing"));
  }
  return keyring;
}

const KeyEncryptionKey* Keyring::Find(std::string_view id) const {
  const auto found =
      std::find_if(keys_.begin(), keys_.end(), [&](const KeyEncryptionKey& key) { return key.id == id; });
  return found == keys_.end() ? nullptr : &*found;
}

absl::StatusOr<SecretText> NewKeyringText(absl::Time now) {
  const absl::StatusOr<SecretText> line = FreshLine(nullptr, now);
  if (!line.ok()) return line.status();
  return SecretText(absl::StrCat(kHeader, View(line->view())));
}

absl::StatusOr<SecretText> WithFreshKey(std::string_view text, const Keyring& keyring, absl::Time now) {
  const absl::StatusOr<SecretText> line = FreshLine(&keyring, now);
  if (!line.ok()) return line.status();
  return SecretText(absl::StrCat(View(text), text.ends_with('\n') ? "" : "\n", View(line->view())));
}

SecretText WithoutKeys(std::string_view text, const std::vector<std::string>& ids) {
  std::string kept;
  // Grown once, so that no part of it is left behind in memory.
  kept.reserve(text.size());
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    const std::vector<absl::string_view> words = Words(line.substr(0, line.find('\n')));
    const bool drop =
        !IsBlankOrComment(line) && words.size() > 1 && std::find(ids.begin(), ids.end(), words[1]) != ids.end();
    if (!drop) kept.append(line);
  }
  return SecretText(std::move(kept));
}

absl::StatusOr<KeyringFile> ReadKeyringFile(const std::string& path) {
  // One byte more than allowed, which Parse refuses.
  absl::StatusOr<PrivateFile> file = ReadPrivateFile(path, Keyring::kMaxSize + 1, "keyring");
  if (!file.ok()) return file.status();
  absl::StatusOr<Keyring> keyring = Keyring::Parse(file->text.view(), path);
  if (!keyring.ok()) return keyring.status();
  return KeyringFile{*std::move(keyring), std::move(file->text), file->version};
}

}  // namespace sallyport::recorder
