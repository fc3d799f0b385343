// When the keys of an issuer are fetched, and for how long those fetched serve.
#ifndef SALLYPORT_GATEWAY_IDENTITY_OIDC_KEY_SCHEDULE_H_
#define SALLYPORT_GATEWAY_IDENTITY_OIDC_KEY_SCHEDULE_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/identity/jwt/jwks.h"

namespace sallyport::gateway {

// A state machine without threads and clocks: whoever uses it brings the time, fetches when a fetch is due, and guards
// it with a lock. A fetch is due every `interval`. A token with an unknown key brings it forward, but not to within 30
// seconds of the beginning of the last. One that failed is tried again after 30 seconds; while there are no keys, after
// 1, 2, 4, … up to 30.
class KeySchedule {
 public:
  enum class Advice {
    kUse,     // there are keys
    kWait,    // a fetch is under way or due, and may bring what is missing
    kGiveUp,  // there is nothing, and none is due
  };

  // Keys serve for `stale` beyond the interval, should fetches fail.
  KeySchedule(absl::Duration interval, absl::Duration stale) : interval_(interval), stale_(stale) {}

  // What a token is to do that needs keys, any keys.
  Advice ForToken(absl::Time now) const;
  // The same for one whose key is not among those there are. kWait has a fetch begin at once if none is under way.
  Advice ForUnknownKey(absl::Time now);

  // When the next fetch is to begin; never while one is under way. It must be followed by Begin.
  absl::Time Due(absl::Time now) const;
  void Begin(absl::Time now);
  // Ends the fetch that began last.
  void Finish(absl::Time now, absl::StatusOr<std::shared_ptr<const KeySet>> fetched);

  // Null until a fetch has succeeded. To be used only where ForToken says so.
  const std::shared_ptr<const KeySet>& keys() const { return keys_; }
  absl::Time usable_until() const { return usable_until_; }
  // Differs from what it was whenever the keys differ.
  uint64_t epoch() const { return epoch_; }
  // Of the last fetch.
  const absl::Status& last_result() const { return last_result_; }

 private:
  // How long ago `then` was; forever if the clock has been set back since.
  static absl::Duration Since(absl::Time then, absl::Time now);

  const absl::Duration interval_;
  const absl::Duration stale_;
  std::shared_ptr<const KeySet> keys_;
  uint64_t epoch_ = 0;
  absl::Time usable_until_ = absl::InfinitePast();
  absl::Time begun_ = absl::InfinitePast();  // the last fetch
  absl::Time next_ = absl::InfinitePast();
  bool fetching_ = false;
  int failures_ = 0;  // since the last success
  absl::Status last_result_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_OIDC_KEY_SCHEDULE_H_
