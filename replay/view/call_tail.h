// The log, as it grows, as events of the calls that somebody wants to see.
#ifndef SALLYPORT_REPLAY_VIEW_CALL_TAIL_H_
#define SALLYPORT_REPLAY_VIEW_CALL_TAIL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "replay/view/call_store.h"
#include "replay/view/call_view.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

// Remembers of each call that is open what later entries do not say. Lives while one reader follows; one thread.
class CallTail {
 public:
  // `store` must outlive it.
  CallTail(CallStore* store, const v1::TailCallsRequest& request) : store_(*store), request_(request) {}

  // The next entry of the log as it is to be told; nothing if nobody wants it.
  absl::StatusOr<std::optional<v1::TailedEvent>> Next(const v1::Entry& entry);

 private:
  // Calls whose end never comes (a gateway was killed) must not add up for ever: then what is remembered is forgotten,
  // and looked up again.
  static constexpr size_t kMostCalls = 1'000'000;
  static constexpr size_t kMostNameBytes = 64 << 20;

  struct Followed {
    std::string method;
    std::string identity;
    std::unique_ptr<CallView> view;
  };
  // Null for a call that is not wanted.
  using Call = std::unique_ptr<Followed>;

  Call Find(const v1::Entry& entry);
  Call FindEarlier(uint64_t id);
  Call Wanted(const std::string& identity, const std::string& method, const std::string& upstream) const;
  // Has the view know what the entries of a call say that were before this one.
  void ReadEarlier(const v1::Entry& entry, CallView& view);
  bool IsTold(const v1::Entry& entry) const;

  CallStore& store_;
  const v1::TailCallsRequest request_;
  absl::flat_hash_map<uint64_t, Call> calls_;
  size_t name_bytes_ = 0;  // of these calls
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_CALL_TAIL_H_
