// The options that choose calls, shared by the commands that take them.
#ifndef SALLYPORT_REPLAY_CLI_CALL_OPTIONS_H_
#define SALLYPORT_REPLAY_CLI_CALL_OPTIONS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "sallyport/v1/audit.pb.h"

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
  std::string trace;
  std::string since;
  std::string until;
  std::string min_duration;
  // Of AddCallSearchOptions.
  std::string where;
  std::string text;
  std::string correlation;
  std::string accessed_by;
  std::string caller_kind;
  std::optional<int> limit;  // 0 means all

  // True if anything but `limit` was given.
  bool given() const;
};

// --identity --method --upstream --status --session --trace --since --until --min-duration --limit. `filter` must
// outlive the parse.
void AddCallFilterOptions(CLI::App* command, CallFilter* filter);

// --where --text --correlation --accessed-by --caller-kind, for commands that can look into calls. `filter` must
// outlive the parse.
void AddCallSearchOptions(CLI::App* command, CallFilter* filter);

// INVALID_ARGUMENT if a time from which on something is looked for has not come yet. `text` is how it was typed.
absl::Status CheckNotAhead(const char* option, const std::string& text, std::optional<absl::Time> time, absl::Time now);

// What was typed as a filter; `limit` is no part of it. INVALID_ARGUMENT names the option that cannot be read, or that
// contradicts another. Durations count back from `now`.
absl::StatusOr<v1::Filter> ToFilter(const CallFilter& filter, absl::Time now);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_CALL_OPTIONS_H_
