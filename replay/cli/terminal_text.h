// Text for people: what was recorded made safe for a terminal, quantities made short, and tables.
#ifndef SALLYPORT_REPLAY_CLI_TERMINAL_TEXT_H_
#define SALLYPORT_REPLAY_CLI_TERMINAL_TEXT_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace sallyport::replay {

// `text` with everything escaped that a terminal would act on or that would mislead a reader: control characters (C0,
// DEL, C1), bidirectional and invisible formatting, line and paragraph separators as \u2028, bytes that are not UTF-8
// as \xff. A backslash stays as it is. Recorded bytes go to people through this and nothing else.
std::string Printable(std::string_view text);
// The same, with line feeds kept.
std::string PrintableLines(std::string_view text);

// How many columns printable text takes, an East Asian wide character counting two.
size_t DisplayWidth(std::string_view text);
// At most `columns` wide, with an ellipsis where something was cut from the end, or from the middle.
std::string CutEnd(const std::string& text, size_t columns);
std::string CutMiddle(const std::string& text, size_t columns);

// A caller's address, "ipv4:10.0.0.7:51514" or "ipv6:%5B::1%5D:51514" in a record, without the percent-encoding of
// brackets that gRPC gives it: "ipv6:[::1]:51514". What is of no such form stays as it is.
std::string PlainPeer(std::string_view peer);
// The same for people: "10.0.0.7:51514", "[::1]:51514". Printable.
std::string PeerText(std::string_view peer);

// "512 B", "1.5 KiB", "64 MiB".
std::string HumanSize(uint64_t bytes);
// "0", "85us", "1.25ms", "3.4s", "2m05s", "3h07m", "4d02h".
std::string HumanDuration(absl::Duration duration);
// "2026-01-02 03:04:05.678" in UTC.
std::string HumanTime(absl::Time time);
// "2026-01-02T03:04:05.678901234Z": exact, for programs.
std::string ExactTime(absl::Time time);

// Bytes as offset, hexadecimal and characters, 16 to a line, each line after `indent`.
std::string HexDump(std::string_view bytes, std::string_view indent);

// Whether long texts are cut where a line would get too long for people.
enum class Fit { kCut, kWhole };
// Only where the output is a terminal: whoever reads it from a pipe or a file finds everything there.
Fit OutputFit();

// Columns aligned under their headings.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string heading;
    Align align = Align::kLeft;
    size_t widest = 60;      // longer cells are cut in the middle, or stand out where nothing is cut
    bool never_cut = false;  // such as names that people paste elsewhere
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell per column, already printable.
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  void Print(std::ostream& out, Fit fit = OutputFit()) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_TERMINAL_TEXT_H_
