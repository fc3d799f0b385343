// What is known at present about the methods that pass.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_METHOD_CATALOG_H_
#define SALLYPORT_GATEWAY_UPSTREAM_METHOD_CATALOG_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "policy/descriptors/descriptors.h"

namespace sallyport::gateway {

// The merged descriptors of all sources (files, reflection of upstreams), replaced as a whole when one of them changes.
// Thread-safe.
class MethodCatalog {
 public:
  // `keep` stores a set for good before it comes into force, so that a record never names one that is lost. Called one
  // at a time.
  using Keep = absl::AnyInvocable<absl::Status(const policy::Descriptors&)>;
  explicit MethodCatalog(Keep keep) : keep_(std::move(keep)) {}

  // What `source` knows from now on. Sources are merged by name. Errors: what merging or keeping said; the present set
  // then stays. That two sources describe something differently is logged as an error, and the first by name is
  // believed.
  absl::Status Update(const std::string& source, std::shared_ptr<const policy::Descriptors> descriptors);

  using Sets = std::vector<std::shared_ptr<const policy::Descriptors>>;
  struct Contents {
    std::map<std::string, std::shared_ptr<const policy::Descriptors>> sources;  // by name
    Sets own;  // the gateway's; each counts where no source knows its services
  };
  // In place of all that was known. Errors as above.
  absl::Status Replace(Contents contents);
  Contents contents() const {
    absl::MutexLock lock(&update_mutex_);
    return contents_;
  }

  std::shared_ptr<const policy::Descriptors> Current() const {
    absl::ReaderMutexLock lock(&mutex_);
    return current_;
  }

 private:
  absl::Status Take(Contents contents) ABSL_EXCLUSIVE_LOCKS_REQUIRED(update_mutex_);

  mutable absl::Mutex update_mutex_;
  Keep keep_ ABSL_GUARDED_BY(update_mutex_);
  Contents contents_ ABSL_GUARDED_BY(update_mutex_);
  mutable absl::Mutex mutex_;
  std::shared_ptr<const policy::Descriptors> current_ ABSL_GUARDED_BY(mutex_) = policy::Descriptors::Empty();
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_METHOD_CATALOG_H_
