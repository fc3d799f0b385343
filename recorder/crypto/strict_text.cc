#include "recorder/crypto/strict_text.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/escaping.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {

std::string Base64(std::string_view bytes) { return absl::Base64Escape(View(bytes)); }

std::optional<std::string> ParseBase64(std::string_view text) {
  std::string bytes;
  if (!absl::Base64Unescape(View(text), &bytes) || Base64(bytes) != text) return std::nullopt;
  return bytes;
}

std::optional<Hash> ParseBase64Hash(std::string_view text) {
  const std::optional<std::string> bytes = ParseBase64(text);
  Hash hash = {};
  if (!bytes.has_value() || bytes->size() != hash.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), hash.begin());
  return hash;
}

std::optional<uint64_t> ParseDecimal(std::string_view text) {
  if (text.empty() || text.front() < '0' || text.front() > '9' || (text.front() == '0' && text.size() > 1)) {
    return std::nullopt;
  }
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

}  // namespace sallyport::recorder
