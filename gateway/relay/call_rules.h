// What calls are held to, as the configuration and the policy say at present.
#ifndef SALLYPORT_GATEWAY_RELAY_CALL_RULES_H_
#define SALLYPORT_GATEWAY_RELAY_CALL_RULES_H_

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "gateway/identity/authenticator.h"
#include "gateway/operations/log/call_log.h"
#include "gateway/operations/tracing/tracer.h"
#include "gateway/relay/frames/policy_masks.h"
#include "gateway/upstream/routes.h"
#include "policy/limits.h"
#include "policy/masking/reader_masks.h"
#include "policy/policy.h"

namespace sallyport::gateway {

// Made from one reading of the configuration. Immutable; a call keeps to those it began with.
struct CallRules {
  std::shared_ptr<Authenticator> authenticator;
  std::shared_ptr<const Routes> routes;
  std::shared_ptr<const policy::Policy> policy;  // null: there is none, and what callers prove is only recorded
  std::unique_ptr<policy::Limits> limits;        // null without a policy
  std::unique_ptr<PolicyMasks> masks;            // null where the policy hides nothing and looks into nothing
  // What readers of the record are not shown; null without a policy.
  std::shared_ptr<const policy::ReaderMasks> reader_masks;
  bool limits_bytes = false;                // one of the limits is about bytes
  std::shared_ptr<Tracer> tracer;           // null where calls are not traced
  std::shared_ptr<const CallLog> call_log;  // null where the log has no lines of calls
  bool end_expired_calls = true;            // a stream ends when its caller's proof expires
};

// The rules in force. Thread-safe; outlives the calls.
class CurrentRules {
 public:
  explicit CurrentRules(std::shared_ptr<const CallRules> first) : current_(std::move(first)) {}

  std::shared_ptr<const CallRules> Get() const {
    absl::ReaderMutexLock lock(&mutex_);
    return current_;
  }

  // Calls that are open keep the old ones. Those that no call keeps any more are destroyed here, and never by a call:
  // they have threads, on some of which calls go on.
  void Replace(std::shared_ptr<const CallRules> next) {
    std::vector<std::shared_ptr<const CallRules>> unused;
    absl::MutexLock replacing(&replacing_);
    {
      absl::MutexLock lock(&mutex_);
      retired_.push_back(std::exchange(current_, std::move(next)));
    }
    const auto kept = std::stable_partition(retired_.begin(), retired_.end(),
                                            [](const auto& rules) { return rules.use_count() > 1; });
    unused.assign(std::make_move_iterator(kept), std::make_move_iterator(retired_.end()));
    retired_.erase(kept, retired_.end());
  }

 private:
  absl::Mutex replacing_ ABSL_ACQUIRED_BEFORE(mutex_);
  mutable absl::Mutex mutex_;
  std::shared_ptr<const CallRules> current_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<const CallRules>> retired_ ABSL_GUARDED_BY(replacing_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_CALL_RULES_H_
