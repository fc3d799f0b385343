#include "policy/messages/json_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace sallyport::policy {
namespace {

// Eight bytes without a high bit at once.
size_t AsciiPrefix(std::string_view text) {
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080u) != 0) break;
  }
  while (at < text.size() && static_cast<uint8_t>(text[at]) < 0x80) ++at;
  return at;
}

// How many bytes the character beyond ASCII takes that `text` begins with; 0 if it is none.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0u; };
  const auto continues = [&](size_t i) { return (byte(i) & 0xC0u) == 0x80; };
  const unsigned lead = byte(0);
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool beyond = lead == 0xF4 && byte(1) > 0x8F;
    return continues(1) && continues(2) && continues(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

using Base64Table = std::array<std::array<char, 2>, 4096>;

// What each 12 bits are in base64.
Base64Table Base64Pairs() {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Base64Table pairs;
  for (size_t i = 0; i < pairs.size(); ++i) {
    pairs[i][0] = kAlphabet[i >> 6];
    pairs[i][1] = kAlphabet[i & 63];
  }
  return pairs;
}

// A number such as -1.25e+02, without the exponent as far as people read numbers that way.
void AppendDigits(std::string_view scientific, std::string* out) {
  const size_t exponent_at = scientific.find('e');
  const int exponent = std::atoi(scientific.data() + exponent_at + 1);
  if (exponent < -5 || exponent > 15) {
    out->append(scientific);
    return;
  }
  std::string digits;
  for (const char c : scientific.substr(0, exponent_at)) {
    if (c == '-') out->push_back('-');
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  if (exponent < 0) {
    out->append("0.").append(static_cast<size_t>(-exponent) - 1, '0').append(digits);
    return;
  }
  const size_t whole = static_cast<size_t>(exponent) + 1;  // of the digits, before the point
  if (digits.size() <= whole) {
    out->append(digits).append(whole - digits.size(), '0');
  } else {
    out->append(digits, 0, whole).append(".").append(digits, whole);
  }
}

template <typename Float>
void AppendFloating(Float value, std::string* out) {
  if (std::isnan(value)) {
    out->append("\"NaN\"");
  } else if (std::isinf(value)) {
    out->append(value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  } else if (value == 0) {
    out->append(std::signbit(value) ? "-0.0" : "0");
  } else {
    char text[64] = {};
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
    AppendDigits(std::string_view(text, static_cast<size_t>(end.ptr - text)), out);
  }
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (true) {
    text.remove_prefix(AsciiPrefix(text));
    if (text.empty()) return true;
    const size_t length = Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
}

void AppendJsonCharacters(std::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  size_t copied = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out->append(text.substr(copied, i - copied));
    copied = i + 1;
    out->push_back('\\');
    switch (byte) {
      case '"':
      case '\\':
        out->push_back(static_cast<char>(byte));
        break;
      case '\b':
        out->push_back('b');
        break;
      case '\f':
        out->push_back('f');
        break;
      case '\n':
        out->push_back('n');
        break;
      case '\r':
        out->push_back('r');
        break;
      case '\t':
        out->push_back('t');
        break;
      default:
        out->append("u00");
        out->push_back(kHex[byte >> 4]);
        out->push_back(kHex[byte & 15]);
    }
  }
  out->append(text.substr(copied));
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  AppendJsonCharacters(text, out);
  out->push_back('"');
}

void AppendBase64(std::string_view bytes, std::string* out) {
  static const auto& pairs = *new Base64Table(Base64Pairs());
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])); };
  const size_t first = out->size();
  out->resize(first + (bytes.size() + 2) / 3 * 4);
  char* to = out->data() + first;
  size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3, to += 4) {
    const uint32_t three = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    std::memcpy(to, pairs[three >> 12].data(), 2);
    std::memcpy(to + 2, pairs[three & 0xFFF].data(), 2);
  }
  if (i == bytes.size()) return;
  const bool two = i + 2 == bytes.size();
  const uint32_t three = byte(i) << 16 | (two ? byte(i + 1) << 8 : 0);
  std::memcpy(to, pairs[three >> 12].data(), 2);
  to[2] = two ? pairs[three & 0xFFF][0] : '=';
  to[3] = '=';
}

void AppendJsonDouble(double value, std::string* out) { AppendFloating(value, out); }
void AppendJsonFloat(float value, std::string* out) { AppendFloating(value, out); }

}  // namespace sallyport::policy
