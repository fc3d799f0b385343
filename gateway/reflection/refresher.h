// Asks upstreams what they serve.
#ifndef SALLYPORT_GATEWAY_REFLECTION_REFRESHER_H_
#define SALLYPORT_GATEWAY_REFLECTION_REFRESHER_H_

#include <grpcpp/client_context.h>

#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/upstream/method_catalog.h"
#include "gateway/upstream/upstream.h"

namespace sallyport::gateway {

// Ends questions to upstreams early, those included that are asked later. Thread-safe.
class AskCancel {
 public:
  void Cancel();

  // What is being asked, while that lives.
  class Scope {
   public:
    Scope(AskCancel* cancel, grpc::ClientContext* context);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    AskCancel* const cancel_;  // may be null
  };

 private:
  absl::Mutex mutex_;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

// The descriptors of everything an upstream's server reflection lists (grpc.reflection.v1, else v1alpha). Blocks up to
// `timeout`. Errors: UNIMPLEMENTED if the upstream offers neither version, otherwise what it or the connection said.
// Answers are bounded: at most 64 MiB and 20,000 files. The upstream is shown its credentials for callers in no group.
// With `cancel`, one call at a time.
absl::StatusOr<std::shared_ptr<const policy::Descriptors>> FetchDescriptors(Upstream& upstream, absl::Duration timeout,
                                                                            AskCancel* cancel = nullptr);

// Keeps a catalog's reflection sources fresh: asks each upstream at once, again every `interval`, sooner (with growing
// waits from one second) while it cannot be reached, and when somebody has a reason to believe that it has something
// new. One thread, which asks one upstream at a time; stops with the object. Thread-safe.
class ReflectionRefresher {
 public:
  struct Source {
    Upstream* upstream = nullptr;  // outlives the refresher
    absl::Duration interval = absl::Minutes(5);
    // Not offering reflection is worth no more than a note: nobody asked for it by name.
    bool optional = false;
  };

  explicit ReflectionRefresher(MethodCatalog* catalog);
  // Ends what is being asked; those that wait are told.
  ~ReflectionRefresher();
  ReflectionRefresher(const ReflectionRefresher&) = delete;
  ReflectionRefresher& operator=(const ReflectionRefresher&) = delete;

  // The name of an upstream's source in the catalog.
  static std::string SourceName(const std::string& upstream);

  // In place of what it had. Upstreams that stay are not asked again before their time.
  void SetSources(const std::vector<Source>& sources);

  // Has the upstream asked, and calls `done` when its answer is in force, or there is none. Those who want the same at
  // the same time share one answer. False, and `done` is dropped, if it is no source, does not offer reflection, or was
  // asked less than kLeastPause ago. `done` may be null; it runs on the refresher's thread and must not block.
  using Done = absl::AnyInvocable<void()>;
  static constexpr absl::Duration kLeastPause = absl::Seconds(5);
  bool AskSoon(const Upstream& upstream, Done done);

 private:
  struct Asked {
    Source source;
    absl::Time due = absl::InfinitePast();
    absl::Time last = absl::InfinitePast();  // when it was last asked
    absl::Duration retry = absl::Seconds(1);
    std::string last_error;
    bool asking = false;
    bool not_offered = false;
    std::vector<Done> waiting;
  };

  void Run();
  // Null if it is no source (any more).
  Asked* Find(const Upstream* upstream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What there is to be done has changed, or the object stops.
  bool Woken() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return woken_ || stopping_; }
  void Ask(const Source& source);
  void Note(Asked& asked, const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  MethodCatalog* const catalog_;
  AskCancel cancel_;
  // Held while an answer is put into force, so that a source that is taken away stays away.
  absl::Mutex taking_ ABSL_ACQUIRED_BEFORE(mutex_);
  absl::Mutex mutex_;
  std::list<Asked> asked_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_REFLECTION_REFRESHER_H_
