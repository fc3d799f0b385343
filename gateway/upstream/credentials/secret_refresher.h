// What keeps the secrets of a source of credentials fresh.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_SECRET_REFRESHER_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_SECRET_REFRESHER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/upstream/credentials/credential_source.h"
#include "gateway/upstream/credentials/fetch_threads.h"
#include "gateway/upstream/credentials/refreshed_secret.h"

namespace sallyport::gateway {

// Tells the log of fetches that fail, sparingly: each caller may have one of its own. Thread-safe.
class FailureLog {
 public:
  FailureLog(std::string label, std::function<absl::Time()> clock)
      : label_(std::move(label)), clock_(std::move(clock)) {}
  void Add(const absl::Status& status);

 private:
  const std::string label_;
  const std::function<absl::Time()> clock_;
  absl::Mutex mutex_;
  absl::Time next_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int left_out_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Makes secrets that are fetched again by the same rules, on its threads, and tells the log of what fails. Its
// destructor calls `stop`, which makes fetches that are under way end soon, and waits for them: what they use outlives
// it.
class SecretRefresher {
 public:
  SecretRefresher(
      const SourceContext& context, RefreshRules::WhenDue when_due, size_t threads, std::function<void()> stop = [] {});
  ~SecretRefresher() { stop_(); }
  SecretRefresher(const SecretRefresher&) = delete;
  SecretRefresher& operator=(const SecretRefresher&) = delete;

  std::shared_ptr<RefreshedSecret> NewSecret() { return std::make_shared<RefreshedSecret>(rules_, runner_); }

 private:
  const std::function<void()> stop_;
  FailureLog log_;
  RefreshRules rules_;
  FetchThreads threads_;
  FetchRunner& runner_;
};

// Asks `secret` and says where the answer comes from.
std::optional<absl::StatusOr<CredentialSource::Credential>> AskFor(
    const std::shared_ptr<RefreshedSecret>& secret, absl::Time now,
    absl::FunctionRef<RefreshedSecret::Fetch()> make_fetch, CredentialSource::Done done);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_SECRET_REFRESHER_H_
