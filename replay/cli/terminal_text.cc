#include "replay/cli/terminal_text.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "replay/view/names.h"

namespace sallyport::replay {

std::string PeerText(std::string_view peer) {
  const std::string plain = PlainPeer(peer);
  const bool address = plain.starts_with("ipv4:") || plain.starts_with("ipv6:");
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
