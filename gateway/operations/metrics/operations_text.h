// What operators watch, as Prometheus reads it.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_METRICS_OPERATIONS_TEXT_H_
#define SALLYPORT_GATEWAY_OPERATIONS_METRICS_OPERATIONS_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gateway/operations/metrics/call_metrics.h"
#include "gateway/operations/metrics/disk_numbers.h"
#include "gateway/operations/metrics/process_numbers.h"

namespace sallyport::gateway {

// How long something took, by buckets.
struct TimesTaken {
  std::vector<int64_t> bounds;   // nanoseconds, upwards
  std::vector<uint64_t> counts;  // one more
  uint64_t nanoseconds = 0;      // together
};

// How the log is written, and who vouches for it.
struct LogNumbers {
  TimesTaken commits;                            // from the oldest entry of a block until all of it was synced
  TimesTaken syncs;                              // of the disk
  uint64_t batches_waiting = 0;                  // taken in, and not yet written
  uint64_t leaves_waiting = 0;                   // that no checkpoint covers yet
  std::optional<absl::Duration> checkpoint_age;  // of the last one since the start; nothing if there was none
  struct Sink {
    std::string name;
    uint64_t behind = 0;                // leaves
    std::optional<absl::Duration> age;  // since it took one; nothing if it has not since the start
    bool ok = true;                     // it took the last one
  };
  std::vector<Sink> sinks;
  DiskNumbers disk;
};

// A credential that an upstream is shown, the same for all callers.
struct CredentialNumbers {
  std::string upstream;
  std::string name;                          // of its metadata
  std::optional<absl::Duration> age;         // since it was fetched; nothing if it has not been
  std::optional<absl::Duration> expires_in;  // negative once it has; nothing if it does not
  uint64_t failures = 0;                     // in a row, of fetching it again
};

// A certificate that the gateway shows, or that it judges others by: the first of its file to expire.
struct CertificateNumbers {
  std::string use;   // `listen` or `upstream`
  std::string name;  // of the upstream
  std::string file;  // the setting that names its file: `cert` or `ca`
  absl::Duration expires_in;
};

struct OperationNumbers {
  std::optional<LogNumbers> log;  // nothing where nothing is recorded
  std::vector<CredentialNumbers> credentials;
  std::vector<CertificateNumbers> certificates;
  uint64_t stream_window_bytes = 0;
  uint64_t writes_under_way = 0;  // messages that callers have not taken yet
  ProcessNumbers process;
};

// In the text format (version 0.0.4). Every family is there, even one that has no metric yet, but for those of a log
// where there is none. No label has a value that came from a caller.
std::string OperationsText(const CallMetrics& calls, const OperationNumbers& numbers);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_METRICS_OPERATIONS_TEXT_H_
