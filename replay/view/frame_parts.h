// The bytes of one frame.
#ifndef SALLYPORT_REPLAY_VIEW_FRAME_PARTS_H_
#define SALLYPORT_REPLAY_VIEW_FRAME_PARTS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "replay/view/call_source.h"
#include "replay/view/call_store.h"
#include "replay/view/reader_rights.h"

namespace sallyport::replay {

inline constexpr size_t kFramePartBytes = 64 << 10;

// Hands on a frame of a call, and then its payload in parts of kFramePartBytes, as far as `rights` (null: everything)
// show it. NOT_FOUND if the call has no such frame; FAILED_PRECONDITION, saying why, if its payload cannot be shown.
absl::Status TellFrame(CallStore& store, uint64_t id, const v1::GetFrameRequest& request, const ReaderRights* rights,
                       CallSource::FrameReceiver part);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_FRAME_PARTS_H_
