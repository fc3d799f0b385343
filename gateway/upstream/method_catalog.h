// What is known at present about the methods that pass.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_METHOD_CATALOG_H_
#define SALLYPORT_GATEWAY_UPSTREAM_METHOD_CATALOG_H_

#include <google/protobuf/descriptor.pb.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "gateway/upstream/descriptor_sets.h"

namespace sallyport::gateway {

// Keeps the sets that calls are read with; each is replaced as a whole when what it is made from changes. Thread-safe.
class MethodCatalog {
 public:
  // `keep` stores a set for good before it comes into force, so that a record never names one that is lost. Called one
  // at a time.
  using Keep = absl::AnyInvocable<absl::Status(const policy::Descriptors&)>;
  // `prepare`, if given, makes ready what is derived from the sets that come into force next, before calls see them.
  using Prepare = absl::AnyInvocable<void(const DescriptorSets& next)>;
  // `changed`, if given, is told when they have; it must not call the catalog.
  using Changed = absl::AnyInvocable<void()>;
  explicit MethodCatalog(Keep keep, Prepare prepare = nullptr, Changed changed = nullptr)
      : keep_(std::move(keep)), prepare_(std::move(prepare)), changed_(std::move(changed)) {}

  // What the upstream says of itself from now on. Errors: what building or keeping said; the present set then stays.
  // What of it is not believed or cannot be used is logged. Of an upstream that no change named it does nothing.
  absl::Status Update(const std::string& upstream, const google::protobuf::FileDescriptorSet& files);

  using Reflected = std::map<std::string, std::shared_ptr<const std::string>>;  // by upstream: serialised files
  struct Change {
    DescriptorSets::Set files = policy::Descriptors::Empty();
    std::set<std::string> keep;  // upstreams that may have a word, which stays; all others' goes
    Reflected add;
  };
  // Changes everything in one step. Returns the change that takes this one back. Errors as above.
  absl::StatusOr<Change> Apply(Change change);

  // For a call of that upstream.
  DescriptorSets::Set For(const std::string& upstream) const {
    absl::ReaderMutexLock lock(&mutex_);
    return current_.For(upstream);
  }
  DescriptorSets Current() const {
    absl::ReaderMutexLock lock(&mutex_);
    return current_;
  }

 private:
  // The set of one upstream over `base`.
  static absl::StatusOr<DescriptorSets::Set> Make(const std::string& upstream, const std::string& files,
                                                  const DescriptorSets::Set& base);
  absl::Status PutInForce(DescriptorSets next) ABSL_EXCLUSIVE_LOCKS_REQUIRED(update_mutex_);

  absl::Mutex update_mutex_;
  Keep keep_ ABSL_GUARDED_BY(update_mutex_);
  Prepare prepare_ ABSL_GUARDED_BY(update_mutex_);
  Changed changed_ ABSL_GUARDED_BY(update_mutex_);
  Reflected reflected_ ABSL_GUARDED_BY(update_mutex_);
  std::set<std::string> named_ ABSL_GUARDED_BY(update_mutex_);  // upstreams that may have a word
  mutable absl::Mutex mutex_;
  DescriptorSets current_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_METHOD_CATALOG_H_
