#include "replay/client/server_options.h"

#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/system/file.h"
#include "recorder/system/private_file.h"
#include "replay/client/token_file.h"

namespace sallyport::replay {
namespace {

constexpr size_t kMostFile = 1 << 20;
constexpr char kTokenVariable[] = "SALLYPORT_TOKEN";

// Whoever named a file that is not there has mistyped it.
absl::Status InOption(const char* option, const absl::Status& status) {
  const std::string message = absl::StrCat(option, ": ", status.message());
  return absl::IsNotFound(status) ? absl::InvalidArgumentError(message) : absl::Status(status.code(), message);
}

absl::StatusOr<recorder::SecretText> ReadSecret(const char* option, const std::string& path, std::string_view kind) {
  absl::StatusOr<recorder::PrivateFile> file =
      recorder::ReadPrivateFile(path, kMostFile, kind, recorder::Others::kMayRead);
  if (!file.ok()) return InOption(option, file.status());
  return std::move(file->text);
}

absl::StatusOr<std::string> ReadText(const char* option, const std::string& path) {
  if (path.empty()) return std::string();
  absl::StatusOr<std::string> text = recorder::ReadWholeFile(path, kMostFile);
  if (!text.ok()) return InOption(option, text.status());
  if (text->find("-----BEGIN ") == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(option, ": ", path, " holds no certificate in PEM"));
  }
  return text;
}

// The token of a text that may end with a line end, as files and variables do.
absl::StatusOr<recorder::SecretText> TokenOf(std::string_view text, const char* where) {
  const size_t end = text.find_last_not_of(" \t\r\n");
  const std::string_view token = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
  if (absl::Status status = CheckToken(token); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": ", status.message()));
  }
  return recorder::SecretText(std::string(token));
}

absl::StatusOr<recorder::SecretText> KeptToken(const std::string& server, absl::Time now) {
  const absl::StatusOr<TokenFile> file = TokenFile::OfUser();
  if (absl::IsNotFound(file.status())) return recorder::SecretText();
  absl::StatusOr<std::optional<StoredToken>> kept = file->Find(server);
  if (!kept.ok()) return kept.status();
  if (!kept->has_value()) return recorder::SecretText();
  StoredToken& token = **kept;
  if (token.expires.value_or(absl::InfiniteFuture()) <= now) {
    return absl::UnauthenticatedError(absl::StrCat("the log-in at ", server, " has expired: log in again with ",
                                                   "`sallyport login --server ", server, "`"));
  }
  return std::move(token.token);
}

absl::StatusOr<recorder::SecretText> ReadToken(const ServerOptions& options, const ServerAddress& address,
                                               absl::Time now) {
  if (!options.token_file.empty()) {
    const absl::StatusOr<recorder::SecretText> text = ReadSecret("--token", options.token_file, "token file");
    if (!text.ok()) return text.status();
    return TokenOf(text->view(), "--token");
  }
  const char* variable = std::getenv(kTokenVariable);
  if (variable != nullptr && *variable != '\0') return TokenOf(variable, kTokenVariable);
  return address.socket ? recorder::SecretText() : KeptToken(address.name, now);
}

}  // namespace

absl::StatusOr<RemoteOptions> ReadServerOptions(const ServerOptions& options, absl::Time now) {
  const absl::StatusOr<ServerAddress> address = ServerAddress::Parse(options.server);
  if (!address.ok()) return absl::InvalidArgumentError(absl::StrCat("--server: ", address.status().message()));
  const bool tls_files =
      !(options.authorities_file.empty() && options.certificates_file.empty() && options.private_key_file.empty());
  if (options.plaintext && tls_files) {
    return absl::InvalidArgumentError("--plaintext is without TLS, and --tls-ca, --tls-cert and --tls-key are for it");
  }
  if (options.certificates_file.empty() != options.private_key_file.empty()) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key belong together");
  }
  RemoteOptions remote;
  remote.server = options.server;
  remote.plaintext = options.plaintext;
  remote.tls = tls_files || (!address->local && !options.plaintext);
  absl::StatusOr<std::string> authorities = ReadText("--tls-ca", options.authorities_file);
  if (!authorities.ok()) return authorities.status();
  remote.authorities = *std::move(authorities);
  absl::StatusOr<std::string> certificates = ReadText("--tls-cert", options.certificates_file);
  if (!certificates.ok()) return certificates.status();
  remote.certificates = *std::move(certificates);
  if (!options.private_key_file.empty()) {
    absl::StatusOr<recorder::SecretText> key = ReadSecret("--tls-key", options.private_key_file, "private key");
    if (!key.ok()) return key.status();
    remote.private_key = *std::move(key);
  }
  absl::StatusOr<recorder::SecretText> token = ReadToken(options, *address, now);
  if (!token.ok()) return token.status();
  remote.token = *std::move(token);
  return remote;
}

}  // namespace sallyport::replay
