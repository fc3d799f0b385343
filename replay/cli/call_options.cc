#include "replay/cli/call_options.h"

#include <CLI/CLI.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "protos/quantities.h"
#include "recorder/format/call_id.h"
#include "replay/cli/command.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/call_filter.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

constexpr char kGroup[] = "Which calls (all that is given must match; * stands for anything, ? for one character)";

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

absl::Status ReadStatus(const std::string& text, v1::Filter* filter) {
  if (text.empty()) return absl::OkStatus();
  if (absl::AsciiStrToLower(text) == "open") {
    filter->set_open(true);
    return absl::OkStatus();
  }
  if (const std::optional<int> code = ParseStatusCode(text)) {
    filter->set_status_code(*code);
    return absl::OkStatus();
  }
  std::string names;
  for (int code = 0; code < kStatusCodes; ++code) absl::StrAppend(&names, StatusName(code), ", ");
  return absl::InvalidArgumentError(absl::StrCat("--status: \"", absl::CHexEscape(text.substr(0, 80)),
                                                 "\" is not a status: name one of ", names,
                                                 "a number, or `open` for calls that have not ended"));
}

// What calls are looked into for.
absl::Status ReadSearch(const CallFilter& filter, v1::Filter* wanted) {
  wanted->set_where(filter.where);
  wanted->set_text(filter.text);
  wanted->set_accessed_by(filter.accessed_by);
  if (!filter.correlation.empty()) {
    const size_t equals = filter.correlation.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError("--correlation: write KEY=VALUE, such as x-request-id=7f3a");
    }
    // Names of metadata are in lower case wherever they are.
    wanted->set_correlation(
        absl::StrCat(absl::AsciiStrToLower(filter.correlation.substr(0, equals)), filter.correlation.substr(equals)));
  }
  const std::string kind = absl::AsciiStrToLower(filter.caller_kind);
  if (kind == "human") wanted->set_caller_kind(v1::CALLER_KIND_HUMAN);
  if (kind == "machine") wanted->set_caller_kind(v1::CALLER_KIND_MACHINE);
  if (!kind.empty() && wanted->caller_kind() == v1::CALLER_KIND_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        absl::StrCat("--caller-kind: \"", absl::CHexEscape(kind.substr(0, 80)), "\" is neither `human` nor `machine`"));
  }
  return absl::OkStatus();
}

// INVALID_ARGUMENT for filters that nothing can match, so that nobody takes the empty list for an answer.
absl::Status CheckSense(const CallFilter& filter, std::optional<absl::Time> since, std::optional<absl::Time> until,
                        absl::Time now) {
  if (absl::Status status = CheckNotAhead("--since", filter.since, since, now); !status.ok()) return status;
  if (since.has_value() && until.has_value() && *since >= *until) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--since ", filter.since, " is ", Shown(*since), " and --until ", filter.until, " is ", Shown(*until),
        ": nothing is after the one and before the other. A duration counts back from now"));
  }
  if (absl::AsciiStrToLower(filter.status) == "open" && !filter.min_duration.empty()) {
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
           trace.empty() && since.empty() && until.empty() && min_duration.empty() && where.empty() && text.empty() &&
           correlation.empty() && accessed_by.empty() && caller_kind.empty());
}

void AddCallFilterOptions(CLI::App* command, CallFilter* filter) {
  const std::string group = kGroup;
  const auto add = [&](const char* name, std::string* value, const char* type, const char* description) {
    command->add_option(name, *value, description)->type_name(type)->group(group)->check(NotEmpty());
  };
  add("--identity", &filter->identity, "GLOB", "Who called, such as alice or 'https://idp.example#*'");
  add("--method", &filter->method, "GLOB", "What was called, such as 'etcdserverpb.KV/*'");
  add("--upstream", &filter->upstream, "GLOB", "The upstream's name");
  add("--status", &filter->status, "STATUS",
      "Such as NOT_FOUND or 5, any number that was told, or `open` for calls that have not ended");
  add("--session", &filter->session, "ID", "Calls of one session, as `sallyport sessions` lists them");
  add("--trace", &filter->trace, "ID", "Calls of one trace, as `traceparent` has it: 32 digits in hex");
  add("--since", &filter->since, "TIME", "Started at or after: 10m (ago), 2026-01-02T03:04 (UTC)");
  add("--until", &filter->until, "TIME", "Started before");
  add("--min-duration", &filter->min_duration, "DURATION", "Took at least, such as 250ms");
  command->add_option("--limit", filter->limit, "At most so many calls, 0 for all")
      ->type_name("N")
      ->check(WholeNumber(0, 1'000'000'000))
      ->group(group);
}

void AddCallSearchOptions(CLI::App* command, CallFilter* filter) {
  const auto add = [&](const char* name, std::string* value, const char* type, const char* description) {
    command->add_option(name, *value, description)->type_name(type)->group(kGroup)->check(NotEmpty());
  };
  add("--where", &filter->where, "EXPR",
      "A condition over the whole call, in the part of CEL that policy/CONDITIONS.md describes");
  add("--text", &filter->text, "TEXT", "Stands in what was said, in any case of letters");
  add("--correlation", &filter->correlation, "KEY=VALUE", "Came with this metadata");
  add("--accessed-by", &filter->accessed_by, "GLOB", "Was shown to this reader by the audit service");
  add("--caller-kind", &filter->caller_kind, "KIND", "Who called: `human`, through a log-in, or `machine`");
}

absl::StatusOr<v1::Filter> ToFilter(const CallFilter& filter, absl::Time now) {
  v1::Filter wanted;
  wanted.set_identity(filter.identity);
  wanted.set_method(MethodName(filter.method));
  wanted.set_upstream(filter.upstream);
  if (absl::Status status = ReadStatus(filter.status, &wanted); !status.ok()) return status;
  if (!filter.session.empty()) {
    absl::StatusOr<uint64_t> id = ReadId(filter.session, "session");
    if (!id.ok()) return OptionError("--session", id.status());
    wanted.set_session(recorder::FormatId(*id));
  }
  if (!filter.trace.empty()) {
    const absl::StatusOr<std::string> trace = ReadTraceId(filter.trace);
    if (!trace.ok()) return OptionError("--trace", trace.status());
    wanted.set_trace_id(absl::BytesToHexString(*trace));
  }
  std::optional<absl::Time> since;
  std::optional<absl::Time> until;
  if (absl::Status status = ReadTime("--since", filter.since, now, &since); !status.ok()) return status;
  if (absl::Status status = ReadTime("--until", filter.until, now, &until); !status.ok()) return status;
  if (since.has_value()) SetTime(*since, wanted.mutable_since());
  if (until.has_value()) SetTime(*until, wanted.mutable_until());
  if (!filter.min_duration.empty()) {
    absl::StatusOr<absl::Duration> least = ParseDuration(filter.min_duration);
    if (!least.ok()) return OptionError("--min-duration", least.status());
    SetDuration(*least, wanted.mutable_min_duration());
  }
  if (absl::Status status = ReadSearch(filter, &wanted); !status.ok()) return status;
  if (absl::Status status = CheckSense(filter, since, until, now); !status.ok()) return status;
  return wanted;
}

}  // namespace sallyport::replay
