#include "replay/client/token_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "recorder/system/file.h"
#include "recorder/system/private_file.h"

namespace sallyport::replay {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostFile = 1 << 20;
constexpr size_t kMostToken = 16 << 10;
constexpr char kExpiry[] = "%Y-%m-%d%ET%H:%M:%SZ";

absl::Status Damaged(const std::string& path, const char* why) {
  return absl::DataLossError(
      absl::StrCat("the token file ", path, " ", why, ": remove it, and log in again with `sallyport login`"));
}

// Every entry has to be in order: a file that is half understood would lose the other half when it is written.
absl::Status CheckEntries(const std::string& path, const Json& tokens) {
  if (!tokens.is_object()) return Damaged(path, "is no JSON object");
  for (const auto& [server, entry] : tokens.items()) {
    if (!entry.is_object() || !entry.contains("token") || !entry["token"].is_string()) {
      return Damaged(path, "has an entry without a token");
    }
    if (!CheckToken(entry["token"].get_ref<const std::string&>()).ok()) {
      return Damaged(path, "has a token that cannot be sent");
    }
    if (!entry.contains("expires")) continue;
    absl::Time expires;
    std::string error;
    if (!entry["expires"].is_string() ||
        !absl::ParseTime(absl::RFC3339_sec, entry["expires"].get_ref<const std::string&>(), &expires, &error)) {
      return Damaged(path, "has an entry that expires at no time");
    }
  }
  return absl::OkStatus();
}

// An empty object where there is no file.
absl::StatusOr<Json> Read(const std::string& path) {
  const absl::StatusOr<recorder::PrivateFile> file = recorder::ReadPrivateFile(path, kMostFile + 1, "token file");
  if (absl::IsNotFound(file.status())) return Json::object();
  if (!file.ok()) return file.status();
  if (file->text.view().size() > kMostFile) return Damaged(path, "is larger than 1 MiB");
  Json tokens = Json::parse(file->text.view(), nullptr, /*allow_exceptions=*/false);
  if (tokens.is_discarded()) return Damaged(path, "is no JSON");
  if (absl::Status status = CheckEntries(path, tokens); !status.ok()) return status;
  return tokens;
}

// Makes the directory of the file, and those above it.
absl::Status MakeDirectory(const std::filesystem::path& directory) {
  if (directory.empty()) return absl::OkStatus();
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) return absl::OkStatus();
  if (absl::Status status = MakeDirectory(directory.parent_path()); !status.ok()) return status;
  return recorder::RealFileSystem().EnsureDirectory(directory.string());
}

// Reads, changes and writes the file, while no other process does. `change` is false where nothing has changed.
absl::Status Change(const std::string& path, absl::FunctionRef<bool(Json&)> change) {
  if (absl::Status status = MakeDirectory(std::filesystem::path(path).parent_path()); !status.ok()) return status;
  const auto lock = recorder::FileLock::Take(absl::StrCat(path, ".lock"), recorder::FileLock::Wait::kYes);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<Json> tokens = Read(path);
  if (!tokens.ok()) return tokens.status();
  if (!change(*tokens)) return absl::OkStatus();
  std::string text = absl::StrCat(tokens->dump(2, ' ', true, Json::error_handler_t::replace), "\n");
  absl::Status status = recorder::ReplaceFile(recorder::RealFileSystem(), path, text);
  recorder::Wipe(text);
  return status;
}

}  // namespace

absl::StatusOr<TokenFile> TokenFile::OfUser() {
  // Relative paths in it are to be ignored, says the XDG base directory specification.
  const char* configuration = std::getenv("XDG_CONFIG_HOME");
  if (configuration != nullptr && configuration[0] == '/') {
    return TokenFile(absl::StrCat(configuration, "/sallyport/tokens"));
  }
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return TokenFile(absl::StrCat(home, "/.config/sallyport/tokens"));
  return absl::NotFoundError("neither XDG_CONFIG_HOME nor HOME says where the token file is");
}

absl::StatusOr<std::optional<StoredToken>> TokenFile::Find(const std::string& server) const {
  absl::StatusOr<Json> tokens = Read(path_);
  if (!tokens.ok()) return tokens.status();
  const auto entry = tokens->find(server);
  if (entry == tokens->end()) return std::nullopt;
  StoredToken found;
  found.token = recorder::SecretText(std::move((*entry)["token"].get_ref<std::string&>()));
  if (entry->contains("expires")) {
    absl::Time expires;
    std::string error;
    if (absl::ParseTime(absl::RFC3339_sec, (*entry)["expires"].get_ref<const std::string&>(), &expires, &error)) {
      found.expires = expires;
    }
  }
  return found;
}

absl::Status TokenFile::Put(const std::string& server, const StoredToken& token) const {
  if (absl::Status status = CheckToken(token.token.view()); !status.ok()) return status;
  return Change(path_, [&](Json& tokens) {
    Json entry = {{"token", std::string(token.token.view())}};
    if (token.expires.has_value()) {
      entry["expires"] = absl::FormatTime(kExpiry, *token.expires, absl::UTCTimeZone());
    }
    tokens[server] = std::move(entry);
    return true;
  });
}

absl::StatusOr<bool> TokenFile::Remove(const std::string& server) const {
  if (!recorder::FileExists(path_)) return false;
  bool removed = false;
  if (absl::Status status = Change(path_, [&](Json& tokens) { return removed = tokens.erase(server) != 0; });
      !status.ok()) {
    return status;
  }
  return removed;
}

absl::Status CheckToken(std::string_view token) {
  if (token.empty()) return absl::InvalidArgumentError("the token is empty");
  if (token.size() > kMostToken) return absl::InvalidArgumentError("the token is longer than 16 KiB");
  if (std::any_of(token.begin(), token.end(), [](char c) { return !absl::ascii_isgraph(c); })) {
    return absl::InvalidArgumentError("the token has a space, or a character that is not printable ASCII, in it");
  }
  return absl::OkStatus();
}

}  // namespace sallyport::replay
