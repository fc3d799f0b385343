// UTF-8 in text that may be something else.
#ifndef SALLYPORT_PROTOS_UTF8_H_
#define SALLYPORT_PROTOS_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sallyport {

// How many bytes of `text` from `at` on are one well-formed UTF-8 character (RFC 3629); 0 if none.
inline size_t Utf8CharacterSize(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const uint8_t first = byte(at);
  const uint8_t second = byte(at + 1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(at + 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && second < 0xA0;
    const bool surrogate = first == 0xED && second >= 0xA0;
    return continues(at + 1) && continues(at + 2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && second < 0x90;
    const bool beyond = first == 0xF4 && second >= 0x90;
    return continues(at + 1) && continues(at + 2) && continues(at + 3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

}  // namespace sallyport

#endif  // SALLYPORT_PROTOS_UTF8_H_
