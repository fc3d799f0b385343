#include "replay/cli/terminal_text.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

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

std::string PlainPeer(std::string_view peer) {
  constexpr std::string_view kScheme = "ipv6:";
  if (peer.substr(0, kScheme.size()) != kScheme) return std::string(peer);
  // RFC 3986, 3.2.2 and RFC 6874: brackets, and the percent sign before a zone.
  return absl::StrReplaceAll(absl::string_view(peer.data(), peer.size()),
                             {{"%5B", "["}, {"%5D", "]"}, {"%5b", "["}, {"%5d", "]"}, {"%25", "%"}});
}

std::string PeerText(std::string_view peer) {
  const std::string plain = PlainPeer(peer);
  const bool address = absl::StartsWith(plain, "ipv4:") || absl::StartsWith(plain, "ipv6:");
  return Printable(address ? std::string_view(plain).substr(5) : plain);
}

Fit OutputFit() { return isatty(STDOUT_FILENO) != 0 ? Fit::kCut : Fit::kWhole; }

std::string HumanSize(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  if (unit == 0) return absl::StrCat(bytes, " B");
  std::string number = absl::StrFormat("%.1f", value);
  if (number.size() > 2 && number.compare(number.size() - 2, 2, ".0") == 0) number.resize(number.size() - 2);
  return absl::StrCat(number, " ", kUnits[unit]);
}

std::string HumanDuration(absl::Duration duration) {
  if (duration <= absl::ZeroDuration()) return "0";
  const auto three_digits = [](double value, const char* unit) {
    return absl::StrFormat("%.*f%s", value < 9.995 ? 2 : (value < 99.95 ? 1 : 0), value, unit);
  };
  if (duration < absl::Nanoseconds(999'500)) {
    return absl::StrFormat("%.0fus", std::max(1.0, absl::ToDoubleMicroseconds(duration)));
  }
  if (duration < absl::Microseconds(999'500)) return three_digits(absl::ToDoubleMilliseconds(duration), "ms");
  if (duration < absl::Milliseconds(59'950)) return three_digits(absl::ToDoubleSeconds(duration), "s");
  const int64_t seconds = absl::ToInt64Seconds(duration + absl::Milliseconds(500));
  if (seconds < 3600) return absl::StrFormat("%dm%02ds", seconds / 60, seconds % 60);
  if (seconds < 86400) return absl::StrFormat("%dh%02dm", seconds / 3600, seconds / 60 % 60);
  return absl::StrFormat("%dd%02dh", seconds / 86400, seconds / 3600 % 24);
}

std::string HumanTime(absl::Time time) { return absl::FormatTime("%Y-%m-%d %H:%M:%E3S", time, absl::UTCTimeZone()); }

std::string ExactTime(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%E9SZ", time, absl::UTCTimeZone()); }

std::string HexDump(std::string_view bytes, std::string_view indent) {
  constexpr size_t kPerLine = 16;
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += kPerLine) {
    out += indent;
    absl::StrAppendFormat(&out, "%08x ", at);
    std::string characters;
    for (size_t i = at; i < at + kPerLine; ++i) {
      if (i % 8 == 0) out += ' ';
      if (i >= bytes.size()) {
        out += "   ";
        continue;
      }
      const auto byte = static_cast<unsigned char>(bytes[i]);
      absl::StrAppendFormat(&out, "%02x ", byte);
      characters += byte >= 0x20 && byte < 0x7f ? bytes[i] : '.';
    }
    absl::StrAppend(&out, " ", characters, "\n");
  }
  return out;
}

void Table::Print(std::ostream& out, Fit fit) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = DisplayWidth(columns_[i].heading);
    for (const std::vector<std::string>& row : rows_) width = std::max(width, DisplayWidth(row[i]));
    widths.push_back(std::min(width, std::max(columns_[i].widest, DisplayWidth(columns_[i].heading))));
  }
  const auto print = [&](const auto& cell_of) {
    std::string line;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const bool cuts = fit == Fit::kCut && !columns_[i].never_cut;
      const std::string cell = cuts ? CutMiddle(cell_of(i), widths[i]) : cell_of(i);
      const std::string space(widths[i] - std::min(widths[i], DisplayWidth(cell)), ' ');
      if (i > 0) line += "  ";
      line += columns_[i].align == Align::kRight ? space + cell : cell + space;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  };
  print([&](size_t i) { return columns_[i].heading; });
  for (const std::vector<std::string>& row : rows_) print([&](size_t i) { return row[i]; });
}

}  // namespace sallyport::replay
