// The options that choose calls, shared by the commands that take them.
#ifndef SALLYPORT_REPLAY_CLI_CALL_FILTER_H_
#define SALLYPORT_REPLAY_CLI_CALL_FILTER_H_

#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/record_reader.h"

namespace CLI {
class App;
}

namespace sallyport::replay {

// What was typed. Empty means not given. A value: filled while the command line is parsed.
struct CallFilter {
  std::string identity;
  std::string method;
  std::string upstream;
  std::string status;
  std::string session;
  std::string since;
  std::string until;
  std::string min_duration;
  std::optional<int> limit;  // 0 means all

  // True if anything but `limit` was given.
  bool given() const;
};

// --identity --method --upstream --status --session --since --until --min-duration --limit. `filter` must outlive the
// parse.
void AddCallFilterOptions(CLI::App* command, CallFilter* filter);

// INVALID_ARGUMENT if a time from which on something is looked for has not come yet. `text` is how it was typed.
absl::Status CheckNotAhead(const char* option, const std::string& text, std::optional<absl::Time> time, absl::Time now);

// The filter as the store understands it; its `limit` is left at the store's default. INVALID_ARGUMENT names the option
// that cannot be read, or that contradicts another. Durations count back from `now`.
absl::StatusOr<recorder::CallQuery> ToQuery(const CallFilter& filter, absl::Time now);

// Hands on the calls of `query`, page by page, up to `limit` of them (0: all) or until `call` returns an error, which
// is then returned. True if there are more than were handed on.
absl::StatusOr<bool> ForEachCall(recorder::RecordReader* reader, recorder::CallQuery query, int limit,
                                 absl::FunctionRef<absl::Status(const recorder::CallSummary&)> call);

// A gRPC status by name (any case, `-` for `_`) or number from 0 to 16.
std::optional<int> ParseStatusCode(const std::string& text);
// Whether gRPC has a name for the number.
bool IsStatusCode(int code);
// "NOT_FOUND"; the number for codes without a name.
std::string StatusName(int code);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_CALL_FILTER_H_
