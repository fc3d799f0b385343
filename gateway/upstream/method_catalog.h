// What is known at present about the methods that pass.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_METHOD_CATALOG_H_
#define SALLYPORT_GATEWAY_UPSTREAM_METHOD_CATALOG_H_

#include <map>
#include <memory>
#include <string>

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

  // What `source` knows from now on. Sources are merged by name. Errors: what merging or keeping said, and for
  // Conflicts::kError that two sources describe something differently; the present set then stays. Otherwise that is
  // logged as an error, and the first source by name is believed.
  enum class Conflicts { kError, kLog };
  absl::Status Update(const std::string& source, std::shared_ptr<const policy::Descriptors> descriptors,
                      Conflicts conflicts = Conflicts::kLog);

  std::shared_ptr<const policy::Descriptors> Current() const {
    absl::ReaderMutexLock lock(&mutex_);
    return current_;
  }

 private:
  absl::Mutex update_mutex_;
  Keep keep_ ABSL_GUARDED_BY(update_mutex_);
  std::map<std::string, std::shared_ptr<const policy::Descriptors>> sources_ ABSL_GUARDED_BY(update_mutex_);
  mutable absl::Mutex mutex_;
  std::shared_ptr<const policy::Descriptors> current_ ABSL_GUARDED_BY(mutex_) = policy::Descriptors::Empty();
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_METHOD_CATALOG_H_
