#include "replay/view/printable.h"

#include "absl/strings/str_format.h"

namespace sallyport::replay {
namespace {

constexpr char kEllipsis[] = "\xe2\x80\xa6";

struct Character {
  uint32_t point = 0;
  size_t length = 1;   // in bytes
  bool valid = false;  // well-formed UTF-8, shortest form, no surrogate
};

Character Decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  size_t length = 0;
  uint32_t point = 0;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
    point = first & 0x1f;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    point = first & 0x0f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    point = first & 0x07;
  }
  if (length == 0 || text.size() < length) return {};
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    point = point << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return {};
  return {point, length, true};
}

bool MustEscape(uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0xad || point == 0x61c ||
         (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2060 && point <= 0x206f) || point == 0xfeff || (point >= 0xfff9 && point <= 0xfffb) ||
         (point >= 0xe0000 && point <= 0xe0fff);
}

size_t Width(uint32_t point) {
  const bool wide = (point >= 0x1100 && point <= 0x115f) || (point >= 0x2e80 && point <= 0xa4cf) ||
                    (point >= 0xac00 && point <= 0xd7a3) || (point >= 0xf900 && point <= 0xfaff) ||
                    (point >= 0xfe30 && point <= 0xfe6f) || (point >= 0xff00 && point <= 0xff60) ||
                    (point >= 0x1f300 && point <= 0x1faff) || (point >= 0x20000 && point <= 0x3fffd);
  return wide ? 2 : 1;
}

std::string Escaped(std::string_view text, bool keep_line_feeds) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character c = Decode(text);
    if (!c.valid) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(text.front()));
    } else if (c.point == '\n') {
      out += keep_line_feeds ? "\n" : "\\n";
    } else if (c.point == '\r' || c.point == '\t') {
      out += c.point == '\r' ? "\\r" : "\\t";
    } else if (MustEscape(c.point) && c.point < 0x80) {
      absl::StrAppendFormat(&out, "\\x%02x", c.point);
    } else if (MustEscape(c.point)) {
      absl::StrAppendFormat(&out, "\\u%04x", c.point);
    } else {
      out.append(text.data(), c.length);
    }
    text.remove_prefix(c.length);
  }
  return out;
}

// The longest start of `text` that takes at most `columns`.
std::string_view Start(std::string_view text, size_t columns) {
  size_t taken = 0;
  size_t width = 0;
  while (taken < text.size()) {
    const Character c = Decode(text.substr(taken));
    if (width + Width(c.point) > columns) break;
    width += Width(c.point);
    taken += c.length;
  }
  return text.substr(0, taken);
}

}  // namespace

std::string Printable(std::string_view text) { return Escaped(text, false); }

std::string PrintableLines(std::string_view text) { return Escaped(text, true); }

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    const Character c = Decode(text);
    width += Width(c.point);
    text.remove_prefix(c.length);
  }
  return width;
}

std::string CutEnd(const std::string& text, size_t columns) {
  if (DisplayWidth(text) <= columns) return text;
  if (columns == 0) return "";
  return std::string(Start(text, columns - 1)) + kEllipsis;
}

std::string CutMiddle(const std::string& text, size_t columns) {
  const size_t width = DisplayWidth(text);
  if (width <= columns) return text;
  if (columns < 3) return CutEnd(text, columns);
  const size_t front = (columns - 1) / 2;
  const size_t back = columns - 1 - front;
  // What is skipped is at least what does not fit; a wide character at the seam gives up one column more.
  const std::string_view skipped = Start(text, width - back);
  std::string_view tail = std::string_view(text).substr(skipped.size());
  while (DisplayWidth(tail) > back) tail.remove_prefix(Decode(tail).length);
  return std::string(Start(text, front)) + kEllipsis + std::string(tail);
}

}  // namespace sallyport::replay
