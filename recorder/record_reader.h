// The read side of a store: what the command line holds.
#ifndef SALLYPORT_RECORDER_RECORD_READER_H_
#define SALLYPORT_RECORDER_RECORD_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/format/log_format.h"
#include "recorder/index/call_search.h"
#include "recorder/index/call_statistics.h"
#include "recorder/keys/key_source.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {

class StoreKeys;  // recorder/keys/store_keys.h

// What lists of a store's calls do not show, whatever is asked for.
struct StoreGaps {
  uint64_t shredded_segments = 0;     // calls in them are found by their time alone
  uint64_t segments_without_key = 0;  // which nothing marks as shredded: calls in them cannot be read
  uint64_t deleted_segments = 0;      // by retention
  uint64_t missing_segments = 0;      // between others; nothing deleted them
  bool damaged = false;               // part of the log was, or it was shorter than before, when it was indexed
  // Calls that began in the part of the log that the index does not know yet. Where that is very long, at least so
  // many.
  uint64_t unindexed_calls = 0;
  bool more_unindexed = false;
  absl::Time unindexed_since = absl::InfiniteFuture();  // the first entry there
};

// Follows the log as it grows. An interface, so that readers of the log stay out of this header.
class LogFollower {
 public:
  virtual ~LogFollower() = default;
  // Hands on what was written since the last time, in log order, and returns how many entries that were. Never blocks
  // for more to come. Stops at the first error `entry` returns.
  virtual absl::StatusOr<int> Poll(absl::FunctionRef<absl::Status(const v1::Entry&)> entry) = 0;
};

// Reads a data directory, also while a gateway writes it. Where none does, what the index has not seen yet is
// indexed first (if the directory can be written), and calls left open by a crash are shown as interrupted.
// `keys` says where the key-encryption key comes from: a keyring beside the directory unless given. Not thread-safe.
// Errors: NOT_FOUND if there is no store, PERMISSION_DENIED, DATA_LOSS naming segment and offset, and what
// StoreKeys::Open says. An interface, so that log, index and keys stay out of this header.
class RecordReader {
 public:
  static absl::StatusOr<std::unique_ptr<RecordReader>> Open(const std::string& directory,
                                                            const std::optional<KeySource>& keys = std::nullopt);
  // The same with the store's keys as somebody has opened them: any number of readers share them. What it hands out
  // may outlive the reader, though not the keys.
  static absl::StatusOr<std::unique_ptr<RecordReader>> Open(const std::string& directory,
                                                            std::shared_ptr<StoreKeys> keys);
  virtual ~RecordReader() = default;

  virtual absl::StatusOr<std::vector<CallSummary>> Calls(const CallQuery& query) = 0;
  virtual absl::StatusOr<std::vector<SessionSummary>> Sessions(const SessionQuery& query) = 0;
  // NOT_FOUND if there is no such call.
  virtual absl::StatusOr<CallSummary> Call(uint64_t id) = 0;
  // The next four as in CallSearch.
  virtual absl::StatusOr<bool> InScope(uint64_t id, const CallScope& scope) {
    return absl::UnimplementedError("this reader knows no scopes");
  }
  virtual absl::StatusOr<CallCount> Count(const CallQuery& query, uint64_t most) {
    return absl::UnimplementedError("this reader does not count");
  }
  virtual absl::StatusOr<std::vector<StatisticsSeries>> Statistics(const StatisticsQuery& query) {
    return absl::UnimplementedError("this reader has no statistics");
  }
  virtual absl::StatusOr<std::vector<MethodSummary>> Methods(const CallQuery& query) {
    return absl::UnimplementedError("this reader does not list methods");
  }
  // Hands on every entry of a call in order, until `entry` returns an error, which is then returned.
  virtual absl::Status ReadCall(uint64_t id, absl::FunctionRef<absl::Status(const v1::Entry&)> entry) = 0;
  // The blocks that hold entries of a call, in order. NOT_FOUND if there is no such call.
  virtual absl::StatusOr<std::vector<Position>> CallBlocks(uint64_t id) {
    return absl::UnimplementedError("this reader does not know blocks");
  }
  // Hands on the entries of those calls that are `wanted` in blocks that CallBlocks named, in the order of the log,
  // which is that of `blocks`. Errors are those of ReadCall.
  virtual absl::Status ReadBlocks(const std::vector<Position>& blocks, absl::FunctionRef<bool(uint64_t id)> wanted,
                                  absl::FunctionRef<absl::Status(const v1::Entry&)> entry) {
    return absl::UnimplementedError("this reader does not know blocks");
  }
  // The serialised FileDescriptorSet kept under a version. NOT_FOUND if there is none.
  virtual absl::StatusOr<std::string> Descriptors(std::string_view version) = 0;
  // Follows from the present end of the log.
  virtual absl::StatusOr<std::unique_ptr<LogFollower>> Follow() = 0;
  // Reads what the log has beyond the index, up to some MiB.
  virtual absl::StatusOr<StoreGaps> Gaps() { return absl::UnimplementedError("this reader knows no gaps"); }
  // The first damage met while the log was read for the index: DATA_LOSS naming segment and offset. What is readable is
  // served all the same. OK also where nothing had to be read.
  virtual absl::Status LogHealth() const { return absl::OkStatus(); }
  // False once another index was put in the place of the one that this reads: it is to be opened again.
  virtual bool IsCurrent() const { return true; }
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_RECORD_READER_H_
