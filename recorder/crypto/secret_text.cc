#include "recorder/crypto/secret_text.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {

void Wipe(std::string& text) {
  text.resize(text.capacity());
  Cleanse(text.data(), text.size());
  text.clear();
}

SecretText ToBase64(std::string_view bytes) { return SecretText(absl::Base64Escape(View(bytes))); }

std::optional<SecretText> FromBase64(std::string_view text) {
  std::string bytes;
  const bool decoded = absl::Base64Unescape(View(text), &bytes);
  SecretText secret(std::move(bytes));
  // Spaces, missing padding and stray bits at the end are not for us to guess about.
  if (!decoded || ToBase64(secret.view()).view() != text) return std::nullopt;
  return secret;
}

std::optional<std::string> FromHex(std::string_view text, size_t size) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() != 2 * size || !std::all_of(text.begin(), text.end(), digit)) return std::nullopt;
  return absl::HexStringToBytes(View(text));
}

}  // namespace sallyport::recorder
