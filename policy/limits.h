// How much callers may do of what they may do. The public face of limits.
#ifndef SALLYPORT_POLICY_LIMITS_H_
#define SALLYPORT_POLICY_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "policy/access_request.h"
#include "policy/limit_table.h"
#include "policy/policy.h"

namespace sallyport::policy {

// Counts one call as open under every limit that it was admitted by, until it is destroyed. Holds on to what it needs:
// it may outlive the Limits and the policy.
class LimitTicket {
 public:
  LimitTicket() = default;
  ~LimitTicket() { Release(); }
  LimitTicket(LimitTicket&& other) noexcept;
  LimitTicket& operator=(LimitTicket&& other) noexcept;

  // Counts a message of so many bytes, in whichever direction. Returns how long to wait before the next message of this
  // call is read, which is what keeps it to `bytes_per_second`; 0 to go on at once. The message itself may pass. At
  // most an hour. Thread-safe, but not beside a move or the destructor.
  absl::Duration Charge(uint64_t bytes, absl::Time now) const;

 private:
  friend class Limits;
  struct Held {
    LimitTable::Place place;
    absl::Duration call_cost;  // taken out of Usage::calls
    double byte_cost_ns = 0;   // 0: bytes are not limited
    bool shadow = false;
  };
  void Release();

  std::shared_ptr<LimitTable> table_;
  absl::InlinedVector<Held, 2> held_;
};

enum class LimitKind { kCallsPerSecond, kOpenCalls, kBytesPerSecond };

// What limits say about one call. Its texts are views of the policy's.
struct Admission {
  bool admitted = true;
  // What follows holds if it is not admitted.
  std::string_view limit;  // the name of the first one exceeded
  LimitKind kind = LimitKind::kCallsPerSecond;
  // After which the call might be admitted, as far as can be known: open calls end when they end, so for those a
  // second.
  absl::Duration retry_after;

  absl::InlinedVector<std::string_view, 1> shadow_exceeded;  // limits in shadow that would have refused it
  LimitTicket ticket;                                        // if it is admitted
};

// The limits of a policy and what was used of them. Thread-safe.
class Limits {
 public:
  // Callers, methods and so on that are remembered at a time, over all limits.
  static constexpr size_t kMostKeys = 1 << 17;

  // `previous` is the one that this takes the place of when a policy is reloaded: what was used of limits whose
  // definition is the same stays used, and calls that are open stay counted. Otherwise null.
  Limits(std::shared_ptr<const Policy> policy, const Limits* previous, size_t most_keys = kMostKeys);
  Limits(const Limits&) = delete;
  Limits& operator=(const Limits&) = delete;

  // Takes the call in under every limit that matches it, or, if one is exceeded, under none. To be asked after access
  // was allowed, and once for each call. `now` is by the same clock as what is given to Charge, one that never goes
  // back; `request.now`, a time of day, is for what the limits match.
  Admission Admit(const AccessRequest& request, absl::Time now) const;

  // How many keys are remembered.
  size_t keys() const { return table_->keys(); }

 private:
  // One limit, worked out.
  struct Terms {
    uint64_t id = 0;
    bool per_identity = false;
    bool per_method = false;
    bool per_upstream = false;
    bool per_peer = false;
    absl::Duration call_cost;  // 0: calls per second are not limited
    absl::Duration most_calls;
    uint64_t open_calls = 0;  // 0: not limited
    double byte_cost_ns = 0;
  };
  struct Refusal {
    LimitKind kind;
    absl::Duration retry_after;
  };

  static Terms TermsOf(const LimitRule& rule, uint64_t id);
  // True if the limit lets one more call in, whose cost is then taken.
  static bool Take(const Terms& terms, absl::Time now, Usage& usage, Refusal* refusal);
  void GiveBack(LimitTicket* ticket) const;

  const std::shared_ptr<const Policy> policy_;
  const std::shared_ptr<LimitTable> table_;
  std::map<std::string, uint64_t> ids_;  // by definition
  std::vector<Terms> terms_;             // of each of the policy's limits
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_LIMITS_H_
