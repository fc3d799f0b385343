#include "replay/cli/call_statistics.h"

#include <cstdint>
#include <iostream>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "protos/quantities.h"
#include "replay/cli/csv.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

constexpr char kOthers[] = "(all others)";

struct Key {
  v1::StatisticsKey key;
  const char* name;
  const char* heading;
};
constexpr Key kKeys[] = {{v1::STATISTICS_KEY_METHOD, "method", "METHOD"},
                         {v1::STATISTICS_KEY_IDENTITY, "identity", "IDENTITY"},
                         {v1::STATISTICS_KEY_UPSTREAM, "upstream", "UPSTREAM"},
                         {v1::STATISTICS_KEY_STATUS, "status", "STATUS"}};

const Key& KeyOf(int key) {
  for (const Key& each : kKeys) {
    if (each.key == key) return each;
  }
  return kKeys[0];
}

absl::Status ReadGroups(const std::string& text, v1::StatisticsRequest* request) {
  for (const auto& part : absl::StrSplit(text, ',')) {
    const std::string name = absl::AsciiStrToLower(std::string(absl::StripAsciiWhitespace(part)));
    const Key* found = nullptr;
    for (const Key& each : kKeys) {
      if (name == each.name) found = &each;
    }
    if (found == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("--group-by: \"", CutEnd(Printable(name), 80),
                                                     "\" is none of method, identity, upstream and status"));
    }
    for (const int before : request->group_by()) {
      if (before == found->key) return absl::InvalidArgumentError(absl::StrCat("--group-by has ", name, " twice"));
    }
    request->add_group_by(found->key);
  }
  return absl::OkStatus();
}

// What a series is of, by the request's keys; nothing for all that is not in another.
std::optional<std::vector<std::string>> GroupOf(const v1::StatisticsRequest& request,
                                                const v1::StatisticsSeries& series) {
  if (series.group().empty() && !request.group_by().empty()) return std::nullopt;
  std::vector<std::string> group;
  for (int i = 0; i < series.group_size(); ++i) {
    int code = 0;
    const bool status = request.group_by(i) == v1::STATISTICS_KEY_STATUS && absl::SimpleAtoi(series.group(i), &code);
    group.push_back(status ? StatusName(code) : series.group(i));
  }
  return group;
}

// The latency of a point in which no call has ended is not known.
bool HasLatency(const v1::StatisticsPoint& point) { return point.has_latency() && point.calls() > point.open(); }

Json PointJson(const v1::StatisticsRequest& request, const std::optional<std::vector<std::string>>& group,
               const v1::StatisticsPoint& point) {
  Json by = group.has_value() ? Json::object() : Json();
  for (int i = 0; group.has_value() && i < request.group_by_size(); ++i) {
    by[KeyOf(request.group_by(i)).name] = (*group)[static_cast<size_t>(i)];
  }
  const v1::LatencyPercentiles& latency = point.latency();
  const auto known = [&](const google::protobuf::Duration& duration) {
    return HasLatency(point) ? Nanoseconds(duration) : Json();
  };
  return {{"start", point.has_start() ? Json(Exactly(point.start())) : Json()},
          {"group", std::move(by)},
          {"calls", point.calls()},
          {"errors", point.errors()},
          {"refused", point.refused()},
          {"open", point.open()},
          {"request_bytes", point.request_bytes()},
          {"response_bytes", point.response_bytes()},
          {"p50_ns", known(latency.p50())},
          {"p90_ns", known(latency.p90())},
          {"p99_ns", known(latency.p99())},
          {"max_ns", known(latency.max())}};
}

// What comes after the group, in this order.
constexpr const char* kCsvNumbers[] = {"calls",          "errors", "refused", "open",   "request_bytes",
                                       "response_bytes", "p50_ns", "p90_ns",  "p99_ns", "max_ns"};

std::vector<std::string> CsvHeadings(const v1::StatisticsRequest& request) {
  std::vector<std::string> cells = {"start"};
  for (const int key : request.group_by()) cells.emplace_back(KeyOf(key).name);
  cells.insert(cells.end(), std::begin(kCsvNumbers), std::end(kCsvNumbers));
  return cells;
}

std::vector<std::string> CsvCells(const v1::StatisticsRequest& request,
                                  const std::optional<std::vector<std::string>>& group,
                                  const v1::StatisticsPoint& point) {
  const Json json = PointJson(request, group, point);
  std::vector<std::string> cells = {point.has_start() ? Exactly(point.start()) : ""};
  for (size_t i = 0; i < static_cast<size_t>(request.group_by_size()); ++i) {
    cells.push_back(group.has_value() ? CsvText((*group)[i]) : kOthers);
  }
  for (const char* name : kCsvNumbers) cells.push_back(json[name].is_null() ? "" : json[name].dump());
  return cells;
}

Table NewTable(const v1::StatisticsRequest& request) {
  using Align = Table::Align;
  std::vector<Table::Column> columns;
  if (request.has_interval()) columns.push_back({"START", Align::kLeft, 19});
  for (const int key : request.group_by()) columns.push_back({KeyOf(key).heading, Align::kLeft, 60});
  columns.insert(columns.end(), {{"CALLS", Align::kRight},
                                 {"ERRORS", Align::kRight},
                                 {"REFUSED", Align::kRight},
                                 {"P50", Align::kRight},
                                 {"P99", Align::kRight},
                                 {"BYTES", Align::kRight}});
  return Table(std::move(columns));
}

std::vector<std::string> TableRow(const v1::StatisticsRequest& request,
                                  const std::optional<std::vector<std::string>>& group,
                                  const v1::StatisticsPoint& point) {
  std::vector<std::string> row;
  if (request.has_interval()) row.push_back(HumanTime(ToTime(point.start())).substr(0, 19));
  for (size_t i = 0; i < static_cast<size_t>(request.group_by_size()); ++i) {
    row.push_back(group.has_value() ? Printable((*group)[i]) : kOthers);
  }
  const auto took = [&](const google::protobuf::Duration& duration) {
    return HasLatency(point) ? HumanDuration(ToDuration(duration)) : "-";
  };
  row.insert(row.end(), {absl::StrCat(point.calls()), absl::StrCat(point.errors()), absl::StrCat(point.refused()),
                         took(point.latency().p50()), took(point.latency().p99()),
                         HumanSize(point.request_bytes() + point.response_bytes())});
  return row;
}

}  // namespace

absl::StatusOr<v1::StatisticsRequest> ToStatisticsRequest(const StatisticsOptions& options, const v1::Filter& filter) {
  v1::StatisticsRequest request;
  *request.mutable_filter() = filter;
  if (!options.group_by.empty()) {
    if (absl::Status status = ReadGroups(options.group_by, &request); !status.ok()) return status;
  } else if (options.interval.empty()) {
    request.add_group_by(v1::STATISTICS_KEY_METHOD);
  }
  if (!options.interval.empty()) {
    const absl::StatusOr<absl::Duration> interval = ParseDuration(options.interval);
    if (!interval.ok()) return absl::InvalidArgumentError(absl::StrCat("--interval: ", interval.status().message()));
    if (*interval <= absl::ZeroDuration()) return absl::InvalidArgumentError("--interval: it has to be longer than 0");
    SetDuration(*interval, request.mutable_interval());
  }
  return request;
}

absl::Status PrintStatistics(const v1::StatisticsRequest& request, const v1::Statistics& statistics, ListForm form) {
  Table table = NewTable(request);
  if (form == ListForm::kCsv) std::cout << CsvLine(CsvHeadings(request));
  for (const v1::StatisticsSeries& series : statistics.series()) {
    if (!series.group().empty() && series.group_size() != request.group_by_size()) {
      return absl::DataLossError("the statistics are by something else than was asked for");
    }
    const std::optional<std::vector<std::string>> group = GroupOf(request, series);
    for (const v1::StatisticsPoint& point : series.points()) {
      if (form == ListForm::kJson) {
        std::cout << JsonLine(PointJson(request, group, point)) << '\n';
      } else if (form == ListForm::kCsv) {
        std::cout << CsvLine(CsvCells(request, group, point));
      } else {
        table.AddRow(TableRow(request, group, point));
      }
    }
  }
  if (form == ListForm::kTable || form == ListForm::kWideTable) {
    table.Print(std::cout, form == ListForm::kWideTable ? Fit::kWhole : OutputFit());
  }
  return absl::OkStatus();
}

}  // namespace sallyport::replay
