// Secrets of many callers.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CALLER_SECRETS_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CALLER_SECRETS_H_

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "gateway/upstream/credentials/refreshed_secret.h"
#include "recorder/crypto/text.h"

namespace sallyport::gateway {

// Keeps a bounded number of secrets by key; those that were asked for longest ago go first. Thread-safe.
class CallerSecrets {
 public:
  using Secret = std::shared_ptr<RefreshedSecret>;

  explicit CallerSecrets(size_t most) : most_(most) {}

  // The secret of this key, made if there is none.
  Secret Find(std::string_view key, absl::FunctionRef<Secret()> make);

 private:
  using Entries = std::list<std::pair<std::string, Secret>>;

  const size_t most_;
  absl::Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);  // the one asked for last comes first
  recorder::TextMap<Entries::iterator> by_key_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CALLER_SECRETS_H_
