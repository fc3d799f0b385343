// The tokens that a user has logged in with, by server.
#ifndef SALLYPORT_REPLAY_CLIENT_TOKEN_FILE_H_
#define SALLYPORT_REPLAY_CLIENT_TOKEN_FILE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/crypto/secret_text.h"

namespace sallyport::replay {

struct StoredToken {
  recorder::SecretText token;
  std::optional<absl::Time> expires;  // nothing: not known, or never
};

// A file of JSON, {"SERVER": {"token": "…", "expires": "2026-01-02T03:04:05Z"}}, that only its owner may read.
// Constant; several processes may write one file at once.
class TokenFile {
 public:
  // `$XDG_CONFIG_HOME/sallyport/tokens`, else `~/.config/sallyport/tokens`. NOT_FOUND without either variable.
  static absl::StatusOr<TokenFile> OfUser();
  explicit TokenFile(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }

  // The token for a server, as it was written with Put; nothing if there is none, or no file. FAILED_PRECONDITION if
  // others may read or write the file, DATA_LOSS if it is not such a file.
  absl::StatusOr<std::optional<StoredToken>> Find(const std::string& server) const;

  // Keeps the token in place of an earlier one for that server. The file gets mode 0600, and its directory, where it
  // has to be made, 0700. INVALID_ARGUMENT unless it can be sent (CheckToken); else errors as of Find.
  absl::Status Put(const std::string& server, const StoredToken& token) const;
  // True if there was one.
  absl::StatusOr<bool> Remove(const std::string& server) const;

 private:
  std::string path_;
};

// INVALID_ARGUMENT, without the text, unless it can be a header's value: printable ASCII without spaces, of at most 16
// KiB, and not empty.
absl::Status CheckToken(std::string_view token);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLIENT_TOKEN_FILE_H_
