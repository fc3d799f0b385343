// What is known at present about the methods that pass.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_METHOD_CATALOG_H_
#define SALLYPORT_GATEWAY_UPSTREAM_METHOD_CATALOG_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
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
  // `prepare`, if given, makes ready what is derived from a set, before calls see it.
  using Prepare = absl::AnyInvocable<void(const std::shared_ptr<const policy::Descriptors>&)>;
  explicit MethodCatalog(Keep keep, Prepare prepare = nullptr) : keep_(std::move(keep)), prepare_(std::move(prepare)) {}

  // What `source` knows from now on. Sources are merged by name. Errors: what merging or keeping said; the present set
  // then stays. That two sources describe something differently is logged as an error, and the first by name is
  // believed.
  absl::Status Update(const std::string& source, std::shared_ptr<const policy::Descriptors> descriptors);

  using Sources = std::map<std::string, std::shared_ptr<const policy::Descriptors>>;  // by name
  using Sets = std::vector<std::shared_ptr<const policy::Descriptors>>;
  struct Change {
    std::set<std::string> keep;  // names of those that stay, where they are there; all others go
    Sources add;
    Sets own;  // the gateway's own; each counts where no source knows its services
  };
  // Changes the sources, in one step. Returns the change that takes this one back. Errors as above.
  absl::StatusOr<Change> Apply(Change change);

  std::shared_ptr<const policy::Descriptors> Current() const {
    absl::ReaderMutexLock lock(&mutex_);
    return current_;
  }

 private:
  absl::Status Take(Sources sources, Sets own) ABSL_EXCLUSIVE_LOCKS_REQUIRED(update_mutex_);

  absl::Mutex update_mutex_;
  Keep keep_ ABSL_GUARDED_BY(update_mutex_);
  Prepare prepare_ ABSL_GUARDED_BY(update_mutex_);
  Sources sources_ ABSL_GUARDED_BY(update_mutex_);
  Sets own_ ABSL_GUARDED_BY(update_mutex_);
  mutable absl::Mutex mutex_;
  std::shared_ptr<const policy::Descriptors> current_ ABSL_GUARDED_BY(mutex_) = policy::Descriptors::Empty();
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_METHOD_CATALOG_H_
