// Looks into what was said in calls.
#ifndef SALLYPORT_REPLAY_VIEW_CALL_SCAN_H_
#define SALLYPORT_REPLAY_VIEW_CALL_SCAN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/index/call_scope.h"
#include "replay/view/call_source.h"
#include "replay/view/call_store.h"
#include "sallyport/v1/audit.pb.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

// What one reader may see of one call. A scan makes one for each call, and shows it the call's entries in order before
// anything is looked for in them; used by one thread. A seam: whoever knows readers' masks stands behind it.
class EntrySight {
 public:
  virtual ~EntrySight() = default;
  // Takes away what may not be seen, in place. After an error the call counts as unreadable.
  virtual absl::Status Show(v1::Entry* entry) = 0;
};

struct ScanOptions {
  // Nothing beyond it is looked at, or told of in any number.
  std::optional<recorder::CallScope> scope;
  // Called by several threads at once. Null: all is seen as it is recorded.
  std::function<std::unique_ptr<EntrySight>()> sight;
  // Bounds of one scan: when one is met, it ends with a token that goes on from there. Calls that were begun are
  // finished.
  absl::Duration most_time = absl::Seconds(10);
  uint64_t most_bytes = uint64_t{4} << 30;
  // Of the messages of one call; one with more counts as unreadable. A thread holds no more than that.
  uint64_t most_call_bytes = uint64_t{64} << 20;
  // 0: half of the processors, at least one.
  int threads = 0;
};

// How long a scan says nothing at most, be it that it goes on.
inline constexpr absl::Duration kBetweenProgress = absl::Milliseconds(500);

// Whether something is asked for that the index does not know: `text`, `where`, `correlation`.
bool NeedsScan(const v1::Filter& filter);

// As CallSource::ScanCalls. The index narrows down first; what is left is read and looked into in parallel, and calls
// are handed on in order, from the thread that asks. `page_size`: it ends after so many calls (0: it does not). A call
// counts as read once everything that comes before it in the order was looked at. INVALID_ARGUMENT names a field of the
// filter: `where` that is no condition, or that fits none of the methods met.
absl::Status ScanCalls(CallStore& store, const v1::SearchCallsRequest& request, const ScanOptions& options,
                       std::stop_token stop, CallSource::ScanReceiver said);

// The same as one page: `page_size` as in SearchCalls. A page that a bound cut short has fewer calls, perhaps none, and
// a token.
absl::StatusOr<v1::SearchCallsResponse> ScanPage(CallStore& store, const v1::SearchCallsRequest& request,
                                                 const ScanOptions& options, std::stop_token stop);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_CALL_SCAN_H_
