// Who has looked at what.
#ifndef SALLYPORT_REPLAY_VIEW_LOOKS_H_
#define SALLYPORT_REPLAY_VIEW_LOOKS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "recorder/index/call_search.h"
#include "replay/view/call_store.h"
#include "sallyport/v1/audit.pb.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

// Whether a look showed a call, or may have: where it says a range, it may have shown any in it. What is there beyond
// the last id that can be read says nothing.
bool ShowsCall(const v1::Look& look, uint64_t id);

// The looks that showed a call, the newest first; of a call that is itself one of the gateway's own services' there are
// none, so that no look leads to another. One page reads so many looks at most, and may be short. Errors are those of
// CallSource.
inline constexpr int kMostLooksOfPage = 2000;
absl::StatusOr<v1::ListLooksResponse> LooksAt(CallStore& store, const recorder::CallSummary& call,
                                              const v1::ListLooksRequest& request);

// A page of calls.
struct AccessedCalls {
  std::vector<recorder::CallSummary> calls;
  std::optional<uint64_t> next;  // the page after it begins behind this id; nothing if there is none
};

// The calls of `query` that looks of readers with such an identity (a glob) showed, or may have; no looks are among
// them. A page that was looked for too long is short. RESOURCE_EXHAUSTED where there are more looks since the query's
// `since` than kMostLooksRead, or they show too much.
inline constexpr int kMostLooksRead = 50'000;
absl::StatusOr<AccessedCalls> CallsAccessedBy(CallStore& store, const std::string& reader,
                                              const recorder::CallQuery& query);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_LOOKS_H_
