// What detectors look at texts with.
#ifndef SALLYPORT_POLICY_MASKING_TEXT_SCAN_H_
#define SALLYPORT_POLICY_MASKING_TEXT_SCAN_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include "absl/strings/ascii.h"

namespace sallyport::policy {

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }
inline bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
inline bool IsAlnum(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }
inline bool IsHex(char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); }
inline bool IsBase64Url(char c) { return IsAlnum(c) || c == '-' || c == '_'; }
inline bool IsBase64(char c) { return IsAlnum(c) || c == '+' || c == '/'; }

inline char At(std::string_view text, size_t at) { return at < text.size() ? text[at] : '\0'; }
inline char Before(std::string_view text, size_t at) { return at > 0 && at <= text.size() ? text[at - 1] : '\0'; }

// Part of a word or a number that goes on. What is not ASCII is a border: quotation marks, dashes and the letters of
// scripts that set no spaces stand right beside numbers.
inline bool IsWord(char c) { return IsAlnum(c) || c == '_'; }

// What people set between groups of digits: a space or a hyphen, or what typography has in their place.
struct Separator {
  char kind = '\0';  // ' ' or '-'; none otherwise
  size_t size = 0;
};
Separator SeparatorAt(std::string_view text, size_t at);

// A decimal point and the digits on its other side.
inline bool IsFraction(std::string_view text, size_t begin, size_t end) {
  const bool before = Before(text, begin) == '.' && IsDigit(Before(text, begin - 1));
  return before || (At(text, end) == '.' && IsDigit(At(text, end + 1)));
}

inline size_t RunOfDigits(std::string_view text, size_t at, size_t most) {
  size_t count = 0;
  while (count < most && IsDigit(At(text, at + count))) ++count;
  return count;
}

inline int Number(std::string_view digits) {
  int number = 0;
  for (const char c : digits) number = number * 10 + (c - '0');
  return number;
}

// `count` characters of a kind from `at` on, and no more of them; where it ends.
template <typename Is>
std::optional<size_t> Exactly(std::string_view text, size_t at, size_t count, Is is) {
  for (size_t i = 0; i < count; ++i) {
    if (at + i >= text.size() || !is(text[at + i])) return std::nullopt;
  }
  if (at + count < text.size() && is(text[at + count])) return std::nullopt;
  return at + count;
}

template <typename Is>
std::optional<size_t> AtLeast(std::string_view text, size_t at, size_t count, size_t most, Is is) {
  size_t length = 0;
  while (length < most && at + length < text.size() && is(text[at + length])) ++length;
  return length >= count ? std::optional(at + length) : std::nullopt;
}

inline bool Begins(std::string_view text, size_t at, std::string_view prefix) {
  return text.substr(at, prefix.size()) == prefix;
}

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_TEXT_SCAN_H_
