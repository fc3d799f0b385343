#include "replay/view/printable.h"

#include "absl/strings/str_format.h"
#include "protos/visible_text.h"

namespace sallyport::replay {
namespace {

constexpr char kEllipsis[] = "\xe2\x80\xa6";

std::string Escaped(std::string_view text, bool keep_line_feeds) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character c = FirstCharacter(text);
    if (!c.valid) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(text.front()));
    } else if (c.point == '\n') {
      out += keep_line_feeds ? "\n" : "\\n";
    } else if (c.point == '\r' || c.point == '\t') {
      out += c.point == '\r' ? "\\r" : "\\t";
    } else if (IsHidden(c.point) && c.point < 0x80) {
      absl::StrAppendFormat(&out, "\\x%02x", c.point);
    } else if (IsHidden(c.point)) {
      absl::StrAppendFormat(&out, "\\u%04x", c.point);
    } else {
      out.append(text.data(), c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

// The longest start of `text` that takes at most `columns`.
std::string_view Start(std::string_view text, size_t columns) {
  size_t taken = 0;
  size_t width = 0;
  while (taken < text.size()) {
    const Character c = FirstCharacter(text.substr(taken));
    if (width + ColumnsOf(c.point) > columns) break;
    width += ColumnsOf(c.point);
    taken += c.bytes;
  }
  return text.substr(0, taken);
}

}  // namespace

std::string Printable(std::string_view text) { return Escaped(text, false); }

std::string PrintableLines(std::string_view text) { return Escaped(text, true); }

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    const Character c = FirstCharacter(text);
    width += ColumnsOf(c.point);
    text.remove_prefix(c.bytes);
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
  while (DisplayWidth(tail) > back) tail.remove_prefix(FirstCharacter(tail).bytes);
  return std::string(Start(text, front)) + kEllipsis + std::string(tail);
}

}  // namespace sallyport::replay
