#include "replay/cli/call_list.h"

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "replay/cli/csv.h"
#include "replay/cli/record_json.h"
#include "replay/view/exact_text.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

std::string StatusCell(const v1::CallSummary& call) {
  if (!call.has_outcome() || call.state() == v1::CALL_STATE_INTERRUPTED) return StateName(call.state());
  return StatusName(call.outcome().status_code());
}

Table NewTable(bool wide) {
  using Align = Table::Align;
  std::vector<Table::Column> columns = {{"CALL", Align::kLeft, 13},     {"STARTED", Align::kLeft, 23},
                                        {"IDENTITY", Align::kLeft, 18}, {"METHOD", Align::kLeft, 42},
                                        {"STATUS", Align::kLeft, 19},   {"TOOK", Align::kRight},
                                        {"SENT", Align::kRight},        {"RECEIVED", Align::kRight}};
  if (wide) {
    columns.insert(columns.end(), {{"FRAMES", Align::kRight}, {"UPSTREAM"}, {"SESSION"}, {"PEER"}});
  }
  return Table(std::move(columns));
}

std::vector<std::string> Row(const v1::CallSummary& call, bool wide) {
  const v1::CallOutcome& outcome = call.outcome();
  const auto known = [&](std::string cell) { return call.has_outcome() ? std::move(cell) : "-"; };
  const auto or_dash = [](std::string cell) { return cell.empty() ? "-" : std::move(cell); };
  // Milliseconds tell calls of one second apart, but only the wide table has room for them.
  const std::string start = HumanTime(ToTime(call.start()));
  std::vector<std::string> row = {call.id(),
                                  wide ? start : start.substr(0, 19),
                                  Printable(call.identity()),
                                  Printable(ExactText(call.method(), "method", call.exact())),
                                  StatusCell(call),
                                  known(HumanDuration(ToDuration(outcome.duration()))),
                                  known(HumanSize(outcome.request_bytes())),
                                  known(HumanSize(outcome.response_bytes()))};
  if (wide) {
    row.push_back(known(std::to_string(outcome.request_frames()) + "/" + std::to_string(outcome.response_frames())));
    row.push_back(or_dash(Printable(call.upstream())));
    row.push_back(or_dash(call.session()));
    row.push_back(or_dash(PeerText(call.peer())));
  }
  return row;
}

// The members of the JSON, in the order in which OUTPUT.md has them.
constexpr const char* kCsvColumns[] = {
    "id",          "session",        "identity",        "method",        "upstream",      "peer",
    "trace_id",    "start",          "state",           "status",        "status_code",   "connection_lost",
    "duration_ns", "request_frames", "response_frames", "request_bytes", "response_bytes"};

std::string CsvHeader() { return CsvLine({std::begin(kCsvColumns), std::end(kCsvColumns)}); }

// Texts are escaped; numbers, and what is one of a few words, cannot be anything else.
std::string CsvRow(const v1::CallSummary& call) {
  const Json json = SummaryJson(call);
  std::vector<std::string> cells;
  for (const char* column : kCsvColumns) {
    const Json& value = json[column];
    if (value.is_string()) {
      cells.push_back(CsvText(value.get_ref<const std::string&>()));
    } else {
      cells.push_back(value.is_null() ? "" : value.dump());
    }
  }
  return CsvLine(cells);
}

}  // namespace

CallList::CallList(ListForm form) : form_(form), table_(NewTable(form == ListForm::kWideTable)) {
  if (form_ == ListForm::kCsv) std::cout << CsvHeader();
}

void CallList::Add(const v1::CallSummary& call) {
  if (form_ == ListForm::kJson) {
    std::cout << JsonLine(SummaryJson(call)) << '\n';
  } else if (form_ == ListForm::kCsv) {
    std::cout << CsvRow(call);
  } else {
    table_.AddRow(Row(call, form_ == ListForm::kWideTable));
  }
}

void CallList::End() const {
  if (form_ == ListForm::kTable) table_.Print(std::cout);
  if (form_ == ListForm::kWideTable) table_.Print(std::cout, Fit::kWhole);
}

}  // namespace sallyport::replay
