// Asks upstreams what they serve.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_REFLECTION_H_
#define SALLYPORT_GATEWAY_UPSTREAM_REFLECTION_H_

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/upstream/method_catalog.h"
#include "gateway/upstream/upstream.h"

namespace sallyport::gateway {

// The descriptors of everything an upstream's server reflection lists (grpc.reflection.v1, else v1alpha). Blocks up to
// `timeout`. Errors: UNIMPLEMENTED if the upstream offers neither version, otherwise what it or the connection said.
// Answers are bounded: at most 64 MiB and 20,000 files. The upstream is shown its credentials for callers in no group.
absl::StatusOr<std::shared_ptr<const policy::Descriptors>> FetchDescriptors(Upstream& upstream, absl::Duration timeout);

// Keeps a catalog's reflection sources fresh: asks each upstream at once, again every `interval`, and sooner (with
// growing waits from one second) while it cannot be reached. One thread; stops with the object.
class ReflectionRefresher {
 public:
  struct Source {
    Upstream* upstream = nullptr;
    absl::Duration interval = absl::Minutes(5);
    // Not offering reflection is worth no more than a note: nobody asked for it by name.
    bool optional = false;
  };

  ReflectionRefresher(std::vector<Source> sources, MethodCatalog* catalog);
  ~ReflectionRefresher();
  ReflectionRefresher(const ReflectionRefresher&) = delete;
  ReflectionRefresher& operator=(const ReflectionRefresher&) = delete;

 private:
  struct Pending {
    Source source;
    absl::Time due;
    absl::Duration retry = absl::Seconds(1);
    std::string last_error;
  };

  void Run();
  void Ask(Pending& pending);

  MethodCatalog* const catalog_;
  std::vector<Pending> pending_;  // only the thread's
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_REFLECTION_H_
