// Tables for spreadsheets (RFC 4180).
#ifndef SALLYPORT_REPLAY_CLI_CSV_H_
#define SALLYPORT_REPLAY_CLI_CSV_H_

#include <string>
#include <vector>

namespace sallyport::replay {

// A text that somebody else may have chosen, as a cell: printable, and with an apostrophe before it where a spreadsheet
// would take it for a formula: where it begins with = + - @, or with one of these behind spaces or quotation marks.
std::string CsvText(const std::string& text);

// One line of cells, with its CR LF; cells are quoted where they have to be.
std::string CsvLine(const std::vector<std::string>& cells);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_CSV_H_
