#include "recorder/keys/key_source.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sallyport::recorder {
namespace {

bool IsVariableName(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

absl::StatusOr<KeySource> KeySource::Parse(std::string_view text) {
  const auto after = [&](std::string_view prefix) { return std::string(text.substr(prefix.size())); };
  // A NUL would cut off what the system calls see of it.
  if (text.find('\0') == std::string_view::npos) {
    if (text.starts_with("file:") && text.size() > 5) return KeySource{Kind::kFile, after("file:")};
    if (text.starts_with("env:") && IsVariableName(text.substr(4))) return KeySource{Kind::kEnvironment, after("env:")};
    if (text.starts_with("exec:") && text.find_first_not_of(" \t\n", 5) != std::string_view::npos) {
      return KeySource{Kind::kCommand, after("exec:")};
    }
  }
  return absl::InvalidArgumentError(
      "say where keys come from as file:PATH (a keyring file), env:NAME (a variable that holds a keyring) or "
      "exec:COMMAND (a command that wraps and unwraps keys)");
}

std::string KeySource::Describe() const {
  switch (kind) {
    case Kind::kFile:
      return absl::StrCat("the keyring ", value);
    case Kind::kEnvironment:
      return absl::StrCat("the keyring in the environment variable ", value);
    case Kind::kCommand:
      break;
  }
  return "the key command";
}

}  // namespace sallyport::recorder
