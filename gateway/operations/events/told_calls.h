// What is known of a call when one of its later entries is to be told.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_EVENTS_TOLD_CALLS_H_
#define SALLYPORT_GATEWAY_OPERATIONS_EVENTS_TOLD_CALLS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::gateway {

// What the first entries of a call say, as they are recorded: masks have been applied.
struct ToldCall {
  uint64_t start_ns = 0;  // 0 where the call's start cannot be read
  std::string method;
  std::string authority;
  std::string peer;
  v1::Identity identity;
  uint64_t session_id = 0;
  std::string upstream;
  std::string upstream_target;
  v1::Decision decision;  // OUTCOME_UNSPECIFIED where none is recorded
};

// Remembers the calls that have started and not ended. One thread.
class ToldCalls {
 public:
  // Reads what a call's entries before the first frame say, where that is not remembered: the call began before the
  // reader did, or was forgotten. NOT_FOUND where there is no such call any more.
  using Lookup = std::function<absl::Status(uint64_t call_id, ToldCall& facts)>;

  // Of calls that are open about `most_bytes` are remembered; where they are more, all are forgotten, and looked up
  // when they end.
  ToldCalls(size_t most_bytes, Lookup lookup) : most_bytes_(most_bytes), lookup_(std::move(lookup)) {}

  // Takes in an entry, in the log's order, and says what is known of its call. The result lives until the next call.
  const ToldCall& Take(const v1::Entry& entry);

  // After the reader has gone back in the log.
  void Forget();

  size_t bytes() const { return bytes_; }

 private:
  ToldCall& Find(uint64_t call_id);

  const size_t most_bytes_;
  const Lookup lookup_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<ToldCall>> calls_;
  std::unique_ptr<ToldCall> ended_;  // what was handed out last of a call that is over
  size_t bytes_ = 0;
};

// Takes what an entry says of its call: of a start and of a decision.
void LearnCall(const v1::Entry& entry, ToldCall& facts);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_EVENTS_TOLD_CALLS_H_
