#include "replay/cli/csv.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "replay/cli/terminal_text.h"

namespace sallyport::replay {

std::string CsvText(const std::string& text) {
  std::string shown = Printable(text);
  // Spreadsheets pass over spaces, some over quotation marks too.
  const size_t first = shown.find_first_not_of(" \"'");
  if (first != std::string::npos && std::string_view("=+-@").find(shown[first]) != std::string_view::npos) {
    shown.insert(0, "'");
  }
  return shown;
}

std::string CsvLine(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) {
    if (!line.empty() || &cell != &cells.front()) line += ',';
    if (cell.find_first_of(",\"\r\n") == std::string::npos) {
      line += cell;
    } else {
      absl::StrAppend(&line, "\"", absl::StrReplaceAll(cell, {{"\"", "\"\""}}), "\"");
    }
  }
  return line + "\r\n";
}

}  // namespace sallyport::replay
