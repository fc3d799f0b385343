// Text for people: quantities made short, and tables.
#ifndef SALLYPORT_REPLAY_CLI_TERMINAL_TEXT_H_
#define SALLYPORT_REPLAY_CLI_TERMINAL_TEXT_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "replay/view/printable.h"

namespace sallyport::replay {

// PlainPeer (replay/view/names.h) for people: "10.0.0.7:51514", "[::1]:51514". Printable.
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
