// What happened in a session.
#ifndef SALLYPORT_REPLAY_VIEW_SESSION_STORY_H_
#define SALLYPORT_REPLAY_VIEW_SESSION_STORY_H_

#include "absl/status/status.h"
#include "replay/view/call_source.h"
#include "replay/view/call_store.h"
#include "replay/view/reader_rights.h"

namespace sallyport::replay {

// Of how many calls a session is told at most.
inline constexpr size_t kMostCallsOfSession = 100'000;

// A session, and then the events of its calls, as far as `rights` (null: everything) show them, in the order of time:
// each block of the log that holds some is read once, and what calls that go on together wrote out of order is put in
// order as far as 10 seconds, or some MiB, apart; events of one call always are. What is written meanwhile is not
// told. Errors are those of CallSource; RESOURCE_EXHAUSTED for a session of more calls than kMostCallsOfSession.
absl::Status TellSession(CallStore& store, const v1::GetSessionRequest& request, const ReaderRights* rights,
                         CallSource::SessionReceiver event);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_SESSION_STORY_H_
