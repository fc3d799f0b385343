// One reading of the log for all who follow it.
#ifndef SALLYPORT_REPLAY_VIEW_TAIL_HUB_H_
#define SALLYPORT_REPLAY_VIEW_TAIL_HUB_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/record_reader.h"
#include "replay/view/call_source.h"
#include "replay/view/call_store.h"
#include "replay/view/call_tail.h"
#include "replay/view/reader_rights.h"
#include "replay/view/tail_queue.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

// Follows a store's log in a thread of its own while anybody listens, reads and decodes each entry once, and puts what
// each listener is to be told into a queue of theirs, which never holds it up: what has no room there is counted, and
// told as TailCallsResponse.skipped. Thread-safe.
class TailHub {
 public:
  struct Options {
    size_t most_listeners = 4096;
    // Of one queue. Events that several listeners wait for are there once, though each queue counts them.
    size_t most_queued_bytes = 1 << 20;
  };

  // Called from the hub's thread when something waits again after Next gave null, or when the listening has ended. Must
  // not block, nor destroy the Listening; it may call Next.
  using Ready = std::function<void()>;

  // One who listens. Next and status are for one thread at a time.
  class Listening {
   public:
    // Not while a lock is held that `ready` waits for. `ready` is not called any more after it.
    virtual ~Listening() = default;
    // What is to be told next, which others may be told too. Null if nothing waits.
    virtual std::shared_ptr<const v1::TailCallsResponse> Next() = 0;
    // OK while it goes on. Otherwise nothing comes any more once Next gives null, and this says why.
    virtual absl::Status status() const = 0;
  };

  // The store's hub, which all have in common. It is made where nobody has it, and goes with the last who has.
  static std::shared_ptr<TailHub> Of(const std::shared_ptr<CallStore>& store);
  explicit TailHub(std::shared_ptr<CallStore> store) : TailHub(std::move(store), Options()) {}
  TailHub(std::shared_ptr<CallStore> store, Options options);
  // Nobody may listen any more.
  ~TailHub();
  TailHub(const TailHub&) = delete;
  TailHub& operator=(const TailHub&) = delete;

  // Listens from now on: to calls that `rights` show, and that the request asks for. The first Next says `following`.
  // RESOURCE_EXHAUSTED where too many listen already. What cannot be read of the log ends all who listen.
  absl::StatusOr<std::unique_ptr<Listening>> Listen(const v1::TailCallsRequest& request, ReaderRights rights,
                                                    Ready ready);
  // Listens, and blocks while it tells: as CallSource::TailCalls does, with the errors of Listen and Listening::status.
  absl::Status Tell(const v1::TailCallsRequest& request, ReaderRights rights, const std::stop_token& stop,
                    CallSource::TailReceiver said);

 private:
  class Listener;
  // One who listens, as the hub knows it.
  struct Seat {
    std::shared_ptr<const TailWish> wish;
    std::shared_ptr<TailQueue> queue;
  };

  void Run(const std::stop_token& stop);
  // Until nobody listens any more, or it is told to stop.
  absl::Status Follow(recorder::LogFollower& follower, const std::stop_token& stop);
  // Those who listen now, if others do than in `generation`.
  std::optional<std::vector<Seat>> Changed(uint64_t* generation);
  void EndAll(const absl::Status& why);
  void Leave(const TailQueue* queue);

  const std::shared_ptr<CallStore> store_;
  const Options options_;
  std::atomic<uint64_t> generation_ = 0;  // of seats_, and changed with them
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Seat> seats_ ABSL_GUARDED_BY(mutex_);
  // While anybody listens: begins where the first one did.
  std::shared_ptr<recorder::LogFollower> follower_ ABSL_GUARDED_BY(mutex_);
  std::jthread thread_;  // last, so that it starts with everything else in place
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_TAIL_HUB_H_
