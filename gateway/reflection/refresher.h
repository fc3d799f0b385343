// Asks upstreams what they serve.
#ifndef SALLYPORT_GATEWAY_REFLECTION_REFRESHER_H_
#define SALLYPORT_GATEWAY_REFLECTION_REFRESHER_H_

#include <google/protobuf/descriptor.pb.h>
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

// The files of everything an upstream's server reflection lists, and of what these import, as far as it has them.
// Blocks up to `timeout`. Errors: UNIMPLEMENTED if the upstream offers neither version, RESOURCE_EXHAUSTED if it tells
// more than policy::ReflectedBounds allow, otherwise what it or the connection said. The upstream is shown its
// credentials for callers in no group. With `cancel`, one call at a time.
absl::StatusOr<google::protobuf::FileDescriptorSet> FetchFiles(Upstream& upstream, absl::Duration timeout,
                                                               AskCancel* cancel = nullptr);

// Keeps a catalog's reflection sources fresh: asks each upstream at once, again every `interval`, sooner (with growing
// waits from one second) while it cannot be reached, and when somebody has a reason to believe that it has something
// new. Each upstream is asked on a thread of its own, so that none waits for another. Stops with the object.
// Thread-safe.
class ReflectionRefresher {
 public:
  struct Source {
    Upstream* upstream = nullptr;  // outlives the refresher
    absl::Duration interval = absl::Minutes(5);
    // Not offering reflection is worth no more than a note: nobody asked for it by name.
    bool optional = false;
  };

  explicit ReflectionRefresher(MethodCatalog* catalog) : catalog_(catalog) {}
  // Ends what is being asked; those that wait are told.
  ~ReflectionRefresher();
  ReflectionRefresher(const ReflectionRefresher&) = delete;
  ReflectionRefresher& operator=(const ReflectionRefresher&) = delete;

  // In place of what it had; called by one thread at a time. Upstreams that stay are not asked again before their time;
  // what others are being asked is ended, and those that wait for it are told.
  void SetSources(const std::vector<Source>& sources);

  // Has the upstream asked, and calls `done` when its answer is in force, or there is none. Those who want the same at
  // the same time share one answer. False, and `done` is dropped, if it is no source, does not offer reflection, was
  // asked less than kLeastPause ago, or left a question unanswered less than kSilence ago. `done` may be null; it runs
  // on the refresher's thread and must not block.
  using Done = absl::AnyInvocable<void()>;
  static constexpr absl::Duration kLeastPause = absl::Seconds(5);
  static constexpr absl::Duration kSilence = absl::Minutes(1);
  bool AskSoon(const Upstream& upstream, Done done);

 private:
  struct Asked {
    bool Woken() const { return woken || gone; }
    Source source;
    absl::Time due = absl::InfinitePast();
    absl::Time last = absl::InfinitePast();  // when it was last asked
    absl::Duration retry = absl::Seconds(1);
    std::string last_error;
    bool asking = false;
    bool not_offered = false;
    absl::Time silent_until = absl::InfinitePast();
    std::vector<Done> waiting;
    bool woken = false;  // what there is to be done has changed
    bool gone = false;   // is no source any more
    AskCancel cancel;
    std::thread thread;
  };

  void Run(Asked& asked);
  void Ask(Asked& asked, Upstream& upstream);
  void Note(Asked& asked, const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  MethodCatalog* const catalog_;
  absl::Mutex mutex_;
  // Elements but for their `cancel` and `thread` are guarded too.
  std::list<Asked> asked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_REFLECTION_REFRESHER_H_
