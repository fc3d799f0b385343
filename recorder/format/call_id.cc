#include "recorder/format/call_id.h"

namespace sallyport::recorder {
namespace {

constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";

// The value of a digit, or -1.
int DigitValue(char c) {
  if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (c == 'i' || c == 'l') return 1;
  if (c == 'o') return 0;
  const size_t at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

std::string FormatId(uint64_t id) {
  char text[13];
  size_t at = sizeof(text);
  do {
    text[--at] = kDigits[id & 31];
    id >>= 5;
  } while (id != 0);
  return std::string(text + at, sizeof(text) - at);
}

std::optional<uint64_t> ParseId(std::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t id = 0;
  for (char c : text) {
    const int value = DigitValue(c);
    if (value < 0 || (id >> 59) != 0) return std::nullopt;
    id = id << 5 | static_cast<uint64_t>(value);
  }
  return id;
}

}  // namespace sallyport::recorder
