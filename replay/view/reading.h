// What those who read a record ask of a CallSource, in few words.
#ifndef SALLYPORT_REPLAY_VIEW_READING_H_
#define SALLYPORT_REPLAY_VIEW_READING_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "replay/view/call_source.h"
#include "replay/view/revealer.h"
#include "replay/view/stored_descriptors.h"

namespace sallyport::replay {

// Hands on the calls of `request`, page by page, up to `limit` of them (0: all) or until `call` returns an error, which
// is then returned. True if there are more than were handed on.
absl::StatusOr<bool> ForEachCall(CallSource& source, v1::SearchCallsRequest request, int limit,
                                 absl::FunctionRef<absl::Status(const v1::CallSummary&)> call);
// The same of sessions.
absl::StatusOr<bool> ForEachSession(CallSource& source, v1::SearchSessionsRequest request, int limit,
                                    absl::FunctionRef<absl::Status(const v1::SessionSummary&)> session);

// Whether a list is not empty.
absl::StatusOr<bool> AnyCall(CallSource& source, const v1::Filter& filter);

// What a list says of one call. NOT_FOUND if there is none.
absl::StatusOr<v1::CallSummary> FindSummary(CallSource& source, uint64_t id);

// As CallSource::ReadCall; `revealer`, unless null, opens originals here, wherever the record is.
absl::Status ReadRevealed(CallSource& source, const v1::ReadCallRequest& request, const Revealer* revealer,
                          CallSource::EventReceiver event);

// The entries of a call as they are recorded.
absl::Status ReadRecord(CallSource& source, uint64_t id, absl::FunctionRef<absl::Status(const v1::Entry&)> entry);

// The descriptor sets of a source, which must outlive them.
StoredDescriptors DescriptorsOf(CallSource& source);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_READING_H_
