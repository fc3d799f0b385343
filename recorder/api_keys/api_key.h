// API keys of service accounts: what a caller shows, and what is kept to check it. KEYS.md describes both.
//
// They are here and not in a room of their own because those who issue them (replay) and those who check them (gateway)
// share this room, and what it has for secrets and private files.
#ifndef SALLYPORT_RECORDER_API_KEYS_API_KEY_H_
#define SALLYPORT_RECORDER_API_KEYS_API_KEY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/crypto/crypto.h"
#include "recorder/crypto/secret_text.h"

namespace sallyport::recorder {

// What is kept of a key. A value.
struct ApiKey {
  static constexpr size_t kSaltSize = 16;

  std::string id;
  absl::Time created;
  absl::Time expires;  // not before then; InfiniteFuture if never
  std::optional<absl::Time> revoked;
  std::string salt;
  Hash hash = {};  // HMAC-SHA-256 of the key's text under the salt
  std::string subject;
  std::vector<std::string> groups;

  // Whether `text` is the key, in a time that tells nothing about the difference.
  bool Matches(std::string_view text) const;
};

struct NewApiKey {
  SecretText text;  // "sallyport_<id>_<secret>": the only copy
  ApiKey key;
};
// Makes one, with 260 random bits in its secret. Times are kept in whole seconds. INVALID_ARGUMENT if subject or groups
// are not what CheckAccountName takes, or `expires` is not after `now`.
absl::StatusOr<NewApiKey> MakeApiKey(std::string_view subject, const std::vector<std::string>& groups, absl::Time now,
                                     absl::Time expires);

// Whether a caller means to show an API key, good or bad.
bool IsApiKeyLike(std::string_view text);
// The id in a key's text, if its form and its checksum are right, which says nothing about whether there is such a key.
std::optional<std::string_view> ApiKeyIdOf(std::string_view text);

bool IsApiKeyId(std::string_view id);
// Subjects and groups are 1 to 256 characters of printable ASCII without spaces around. INVALID_ARGUMENT says so.
absl::Status CheckAccountName(std::string_view name);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_API_KEYS_API_KEY_H_
