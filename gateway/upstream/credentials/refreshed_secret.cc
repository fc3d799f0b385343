#include "gateway/upstream/credentials/refreshed_secret.h"

#include <algorithm>
#include <utility>

namespace sallyport::gateway {

std::optional<absl::StatusOr<SharedSecret>> RefreshedSecret::Get(absl::Time now, absl::FunctionRef<Fetch()> make_fetch,
                                                                 Done done) {
  SharedSecret served;
  {
    absl::MutexLock lock(&mutex_);
    const bool usable = Usable(now);
    if (usable && now < due_ && !rejected_) return value_;
    if (!fetching_ && now < retry_) {
      if (usable) return value_;
      return failure_;
    }
    if (usable && !rejected_ && rules_.when_due == RefreshRules::WhenDue::kServe) {
      if (fetching_) return value_;
      served = value_;
    } else {
      if (waiting_.size() >= rules_.most_waiting) {
        return absl::ResourceExhaustedError("too many calls wait for the gateway's credentials");
      }
      waiting_.push_back(std::move(done));
      if (fetching_) return std::nullopt;
    }
    fetching_ = true;
  }
  Begin(make_fetch());
  if (served != nullptr) return served;
  return std::nullopt;
}

void RefreshedSecret::Begin(Fetch fetch) {
  const bool begun = runner_.Run([self = shared_from_this(), fetch = std::move(fetch)]() mutable {
    SharedSecret current;
    {
      absl::MutexLock lock(&self->mutex_);
      current = self->value_;
    }
    self->OnFetched(std::move(fetch)(current));
  });
  if (!begun) OnFetched(absl::ResourceExhaustedError("too many credentials have to be fetched at a time"));
}

void RefreshedSecret::OnFetched(absl::StatusOr<Fetched> fetched) {
  const absl::Time now = rules_.clock();
  std::vector<Done> waiting;
  absl::StatusOr<SharedSecret> result;
  {
    absl::MutexLock lock(&mutex_);
    fetching_ = false;
    waiting.swap(waiting_);
    if (fetched.ok()) {
      fetched_ = now;
      value_ = fetched->value;
      due_ = fetched->due;
      expires_ = fetched->expires;
      rejected_ = false;
      failures_ = 0;
      retry_ = absl::InfinitePast();
      result = value_;
    } else {
      absl::Duration backoff = rules_.shortest_backoff;
      for (int i = 0; i < failures_ && backoff < rules_.longest_backoff; ++i) backoff *= 2;
      ++failures_;
      retry_ = now + std::min(backoff, rules_.longest_backoff);
      failure_ = fetched.status();
      if (Usable(now)) {
        result = value_;
      } else {
        result = failure_;
      }
    }
  }
  if (!fetched.ok() && rules_.on_failure) rules_.on_failure(fetched.status());
  for (Done& done : waiting) std::move(done)(result);
}

void RefreshedSecret::OnRejected(const recorder::SecretText* shown, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (value_.get() != shown || now < next_rejection_) return;
  next_rejection_ = now + rules_.rejection_interval;
  rejected_ = true;
}

}  // namespace sallyport::gateway
