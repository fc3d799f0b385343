// What upstreams taught about methods, against their descriptors.
#ifndef SALLYPORT_GATEWAY_RELAY_LEGS_MISDESCRIBED_METHODS_H_
#define SALLYPORT_GATEWAY_RELAY_LEGS_MISDESCRIBED_METHODS_H_

#include <atomic>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/synchronization/mutex.h"

namespace sallyport::gateway {

class Upstream;

// Methods that their descriptors call unary and whose upstreams answered with more than one message: they are relayed
// as streams until there are other descriptors. Costs calls a look at one number while there are none. Holds at most
// kMost; thread-safe; outlives all sessions.
class MisdescribedMethods {
 public:
  static constexpr size_t kMost = 1000;

  // `method` is a path; `descriptors` the version of those that say it is unary.
  void Add(const Upstream* upstream, std::string_view method, std::string descriptors);
  bool Has(const Upstream* upstream, std::string_view method, std::string_view descriptors) const;

 private:
  using Key = std::pair<const Upstream*, std::string>;

  mutable absl::Mutex mutex_;
  std::map<Key, std::string> versions_ ABSL_GUARDED_BY(mutex_);  // of the descriptors
  std::atomic<bool> empty_{true};
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_LEGS_MISDESCRIBED_METHODS_H_
