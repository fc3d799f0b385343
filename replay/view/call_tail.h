// The log, as it grows, as events of the calls that somebody wants to see.
#ifndef SALLYPORT_REPLAY_VIEW_CALL_TAIL_H_
#define SALLYPORT_REPLAY_VIEW_CALL_TAIL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "replay/view/call_store.h"
#include "replay/view/call_view.h"
#include "replay/view/reader_rights.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

// What one listener asks for, and may see. A value.
struct TailWish {
  TailWish(v1::TailCallsRequest wanted, std::optional<ReaderRights> allowed);

  const v1::TailCallsRequest request;
  const std::optional<ReaderRights> rights;  // nothing: everything
  // The same for those from whom the same is hidden in every call; empty where nothing is.
  const std::string hidden;
};

// Says of each entry who is to be told what. What several are told of an entry is made once. Remembers of each call
// that is open what later entries do not say. Lives while a log is followed; one thread.
class CallTail {
 public:
  // `store` must outlive it.
  explicit CallTail(CallStore* store) : store_(*store) {}

  // Who listens from now on. They are named by their place here.
  using Wishes = std::vector<std::shared_ptr<const TailWish>>;
  void Listen(Wishes wishes);

  // The next entry of the log. `tell` gets what is to be said to whom, once for each way in which it is shown; its
  // errors are returned.
  using Said = std::shared_ptr<const v1::TailCallsResponse>;
  using Teller = absl::FunctionRef<absl::Status(const Said& said, absl::Span<const uint32_t> to)>;
  absl::Status Next(const v1::Entry& entry, Teller tell);

 private:
  // Calls whose end never comes (a gateway was killed) must not add up for ever: then what is remembered is forgotten,
  // and looked up again.
  static constexpr size_t kMostCalls = 1'000'000;
  static constexpr size_t kMostBytes = 256 << 20;

  // Those who are shown a call in the same way.
  struct Audience {
    std::shared_ptr<const TailWish> wish;  // of one of them
    std::unique_ptr<CallView> view;
    std::vector<uint32_t> all;   // are told of its beginning and its end
    std::vector<uint32_t> each;  // of these, who are told of everything between too
  };
  struct Call {
    bool known = false;  // it has the names that follow
    std::string identity;
    std::string method;
    std::string upstream;
    std::vector<Audience> audiences;
    uint64_t generation = 0;  // of the wishes that these were made of
    size_t bytes = 0;
  };

  Call& Find(const v1::Entry& entry);
  void Name(const v1::Entry& entry, Call& call);
  // Makes the audiences anew, as others listen.
  void Seat(const v1::Entry& entry, Call& call);
  static bool IsWanted(const TailWish& wish, const Call& call);
  // Has the view know what the entries of a call say that were before this one.
  void ReadEarlier(const v1::Entry& entry, CallView& view);
  static absl::Status Tell(const v1::Entry& entry, const Call& call, const Audience& audience, Teller tell);

  CallStore& store_;
  Wishes wishes_;
  uint64_t generation_ = 0;
  absl::flat_hash_map<uint64_t, Call> calls_;
  size_t bytes_ = 0;  // of these calls, about
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_CALL_TAIL_H_
