#include "replay/cli/call_filter.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "protos/quantities.h"
#include "replay/cli/command.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"

namespace sallyport::replay {
namespace {

constexpr int kCodes = 17;
constexpr int kPage = 500;

std::string Shown(absl::Time time) { return absl::StrCat(HumanTime(time).substr(0, 19), " UTC"); }

absl::Status OptionError(const char* option, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(option, ": ", status.message()));
}

absl::Status ReadTime(const char* option, const std::string& text, absl::Time now, std::optional<absl::Time>* time) {
  if (text.empty()) return absl::OkStatus();
  absl::StatusOr<absl::Time> parsed = ParseTime(text, now);
  if (!parsed.ok()) return OptionError(option, parsed.status());
  *time = *parsed;
  return absl::OkStatus();
}

absl::Status ReadStatus(const std::string& text, recorder::CallQuery* query) {
  if (text.empty()) return absl::OkStatus();
  if (absl::AsciiStrToLower(text) == "open") {
    query->open_only = true;
    return absl::OkStatus();
  }
  query->status_code = ParseStatusCode(text);
  if (query->status_code.has_value()) return absl::OkStatus();
  std::string names;
  for (int code = 0; code < kCodes; ++code) absl::StrAppend(&names, StatusName(code), ", ");
  return absl::InvalidArgumentError(absl::StrCat("--status: \"", absl::CHexEscape(text.substr(0, 80)),
                                                 "\" is not a status: name one of ", names,
                                                 "a number, or `open` for calls that have not ended"));
}

// INVALID_ARGUMENT for filters that nothing can match, so that nobody takes the empty list for an answer.
absl::Status CheckSense(const CallFilter& filter, const recorder::CallQuery& query, absl::Time now) {
  if (absl::Status status = CheckNotAhead("--since", filter.since, query.since, now); !status.ok()) return status;
  if (query.since.has_value() && query.until.has_value() && *query.since >= *query.until) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--since ", filter.since, " is ", Shown(*query.since), " and --until ", filter.until, " is ",
        Shown(*query.until), ": nothing is after the one and before the other. A duration counts back from now"));
  }
  if (query.open_only && query.min_duration.has_value()) {
    return absl::InvalidArgumentError(
        "--min-duration with --status open: calls that have not ended have no duration yet; --until 10m finds those "
        "that began more than ten minutes ago");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckNotAhead(const char* option, const std::string& text, std::optional<absl::Time> time,
                           absl::Time now) {
  // Clocks differ by less.
  if (!time.has_value() || *time <= now + absl::Minutes(1)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(option, " ", text, " is ", Shown(*time), ", and now it is ", Shown(now), ": times are in UTC"));
}

bool CallFilter::given() const {
  return !(identity.empty() && method.empty() && upstream.empty() && status.empty() && session.empty() &&
           since.empty() && until.empty() && min_duration.empty());
}

void AddCallFilterOptions(CLI::App* command, CallFilter* filter) {
  const std::string group = "Which calls (all that is given must match; * stands for anything, ? for one character)";
  const auto add = [&](const char* name, std::string* value, const char* type, const char* description) {
    command->add_option(name, *value, description)->type_name(type)->group(group)->check(NotEmpty());
  };
  add("--identity", &filter->identity, "GLOB", "Who called, such as alice or 'https://idp.example#*'");
  add("--method", &filter->method, "GLOB", "What was called, such as 'etcdserverpb.KV/*'");
  add("--upstream", &filter->upstream, "GLOB", "The upstream's name");
  add("--status", &filter->status, "STATUS",
      "Such as NOT_FOUND or 5, any number that was told, or `open` for calls that have not ended");
  add("--session", &filter->session, "ID", "Calls of one session, as `sallyport sessions` lists them");
  add("--since", &filter->since, "TIME", "Started at or after: 10m (ago), 2026-01-02T03:04 (UTC)");
  add("--until", &filter->until, "TIME", "Started before");
  add("--min-duration", &filter->min_duration, "DURATION", "Took at least, such as 250ms");
  command->add_option("--limit", filter->limit, "At most so many calls, 0 for all")
      ->type_name("N")
      ->check(WholeNumber(0, 1'000'000'000))
      ->group(group);
}

absl::StatusOr<recorder::CallQuery> ToQuery(const CallFilter& filter, absl::Time now) {
  recorder::CallQuery query;
  query.identity = filter.identity;
  query.method = MethodName(filter.method);
  query.upstream = filter.upstream;
  if (absl::Status status = ReadStatus(filter.status, &query); !status.ok()) return status;
  if (!filter.session.empty()) {
    absl::StatusOr<uint64_t> id = ReadId(filter.session, "session");
    if (!id.ok()) return OptionError("--session", id.status());
    query.session_id = *id;
  }
  if (absl::Status status = ReadTime("--since", filter.since, now, &query.since); !status.ok()) return status;
  if (absl::Status status = ReadTime("--until", filter.until, now, &query.until); !status.ok()) return status;
  if (!filter.min_duration.empty()) {
    absl::StatusOr<absl::Duration> least = ParseDuration(filter.min_duration);
    if (!least.ok()) return OptionError("--min-duration", least.status());
    query.min_duration = *least;
  }
  if (absl::Status status = CheckSense(filter, query, now); !status.ok()) return status;
  return query;
}

absl::StatusOr<bool> ForEachCall(recorder::RecordReader* reader, recorder::CallQuery query, int limit,
                                 absl::FunctionRef<absl::Status(const recorder::CallSummary&)> call) {
  int left = limit;
  while (true) {
    // One more than is wanted shows whether there are more.
    query.limit = limit == 0 ? kPage : std::min(kPage, left + 1);
    absl::StatusOr<std::vector<recorder::CallSummary>> page = reader->Calls(query);
    if (!page.ok()) return page.status();
    for (const recorder::CallSummary& summary : *page) {
      if (limit != 0 && left-- == 0) return true;
      if (absl::Status status = call(summary); !status.ok()) return status;
    }
    if (page->size() < static_cast<size_t>(query.limit)) return false;
    query.after = page->back().id;
  }
}

std::optional<int> ParseStatusCode(const std::string& text) {
  // Any number: upstreams may end calls with what gRPC has no name for.
  int number = 0;
  if (absl::SimpleAtoi(text, &number)) return number;
  const std::string name = absl::StrReplaceAll(absl::AsciiStrToUpper(text), {{"-", "_"}});
  for (int code = 0; code < kCodes; ++code) {
    if (name == StatusName(code)) return code;
  }
  return std::nullopt;
}

bool IsStatusCode(int code) { return code >= 0 && code < kCodes; }

std::string StatusName(int code) {
  if (!IsStatusCode(code)) return absl::StrCat(code);
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
}

}  // namespace sallyport::replay
