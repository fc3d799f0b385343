// A secret that is fetched, kept, and fetched again in time.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_REFRESHED_SECRET_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_REFRESHED_SECRET_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "recorder/crypto/secret_text.h"

namespace sallyport::gateway {

using SharedSecret = std::shared_ptr<const recorder::SecretText>;

// Where fetching happens: it may block, and those who ask may not. An interface, because tests run tasks when it suits
// them.
class FetchRunner {
 public:
  virtual ~FetchRunner() = default;
  // Runs the task on another thread, soon. False, and the task is dropped, if there is no room for it.
  virtual bool Run(absl::AnyInvocable<void() &&> task) = 0;
};

// What a RefreshedSecret goes by. Outlives it.
struct RefreshRules {
  // What happens to those who ask for a secret that is due to be fetched again but has not expired.
  enum class WhenDue {
    kServe,  // they get it as it is, and it is fetched in the background
    kWait,   // they wait for the fetch, and get the old one only if that fails
  };
  WhenDue when_due = WhenDue::kServe;
  size_t most_waiting = 1000;  // more are told RESOURCE_EXHAUSTED
  // After a fetch that failed, the next one begins no sooner than this; it doubles with each failure up to the longest.
  absl::Duration shortest_backoff = absl::Milliseconds(250);
  absl::Duration longest_backoff = absl::Seconds(30);
  // A rejected secret is fetched again at most this often: callers may be able to provoke rejections.
  absl::Duration rejection_interval = absl::Seconds(10);
  std::function<absl::Time()> clock;                    // tells when a fetch has ended
  std::function<void(const absl::Status&)> on_failure;  // hears of each fetch that failed
};

// Fetched when it is first asked for, then when it is due, has expired or was rejected, and somebody asks: an idle one
// costs nothing. However many ask, one fetch is under way at a time. Thread-safe; neither blocks nor holds its lock
// while it calls others. Held by shared_ptr, since fetches keep it alive.
class RefreshedSecret : public std::enable_shared_from_this<RefreshedSecret> {
 public:
  struct Fetched {
    SharedSecret value;  // what is current, if that has not changed
    absl::Time due;      // fetched again from then on
    absl::Time expires;  // never shown from then on
  };
  // Blocks. Is given what is current, or null.
  using Fetch = absl::AnyInvocable<absl::StatusOr<Fetched>(const SharedSecret& current) &&>;
  using Done = absl::AnyInvocable<void(absl::StatusOr<SharedSecret>) &&>;

  RefreshedSecret(const RefreshRules& rules, FetchRunner& runner) : rules_(rules), runner_(runner) {}
  RefreshedSecret(const RefreshedSecret&) = delete;
  RefreshedSecret& operator=(const RefreshedSecret&) = delete;

  // The secret, or why there is none. If nothing is returned, `done` is told, once, on the thread of the fetch that it
  // waits for. `make_fetch` is only called, before this returns, if a fetch has to begin. RESOURCE_EXHAUSTED if too
  // many wait already; otherwise what the fetch failed with, which also goes for those who ask until the next may
  // begin.
  std::optional<absl::StatusOr<SharedSecret>> Get(absl::Time now, absl::FunctionRef<Fetch()> make_fetch, Done done);

  // How it is kept. Holds nothing of it.
  struct State {
    std::optional<absl::Time> fetched;  // when the last fetch that succeeded ended
    absl::Time expires;                 // as the last one said; InfinitePast before the first
    int failures = 0;                   // in a row
  };
  State state() const {
    absl::MutexLock lock(&mutex_);
    return {fetched_, expires_, failures_};
  }

  // The other side did not take `shown`: who asks next waits for another, if it is still the current one.
  void OnRejected(const recorder::SecretText* shown, absl::Time now);

 private:
  bool Usable(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return value_ != nullptr && now < expires_;
  }
  void Begin(Fetch fetch) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnFetched(absl::StatusOr<Fetched> fetched) ABSL_LOCKS_EXCLUDED(mutex_);

  const RefreshRules& rules_;
  FetchRunner& runner_;

  mutable absl::Mutex mutex_;
  SharedSecret value_ ABSL_GUARDED_BY(mutex_);
  absl::Time due_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time expires_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::optional<absl::Time> fetched_ ABSL_GUARDED_BY(mutex_);
  bool rejected_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time next_rejection_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool fetching_ ABSL_GUARDED_BY(mutex_) = false;
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;  // in a row
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  absl::Time retry_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::vector<Done> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_REFRESHED_SECRET_H_
