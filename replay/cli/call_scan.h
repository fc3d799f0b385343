// Calls that are looked for in what was said.
#ifndef SALLYPORT_REPLAY_CLI_CALL_SCAN_H_
#define SALLYPORT_REPLAY_CLI_CALL_SCAN_H_

#include <cstdint>
#include <stop_token>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "replay/view/call_source.h"

namespace sallyport::replay {

// Whether the calls that a filter means can only be found by reading what was said.
inline bool NeedsScan(const v1::Filter& filter) { return !filter.text().empty() || !filter.where().empty(); }

struct ScanResult {
  uint64_t found = 0;
  uint64_t unreadable = 0;  // calls that could not be looked into
  bool limited = false;     // ended because so many were found as were wanted
  bool stopped = false;     // ended because it was told to
};

// Hands on up to `limit` calls (0: all) of the request, as they are found, until everything has been seen, it is told
// to stop, or `call` returns an error, which is then returned. Goes on where the source had come to a bound of its own.
// On stderr, if that is a terminal, it says how far it has come. RESOURCE_EXHAUSTED if the source comes to its bound
// without having looked into anything.
absl::StatusOr<ScanResult> ScanForCalls(CallSource& source, v1::SearchCallsRequest request, int limit,
                                        const std::stop_token& stop,
                                        absl::FunctionRef<absl::Status(const v1::CallSummary&)> call);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_CALL_SCAN_H_
