// What a store says of itself as a whole.
#ifndef SALLYPORT_REPLAY_VIEW_STORE_CHECKS_H_
#define SALLYPORT_REPLAY_VIEW_STORE_CHECKS_H_

#include <stop_token>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "replay/view/call_source.h"
#include "replay/view/call_store.h"

namespace sallyport::replay {

// The last checkpoint that the store has signed, and the last that witnesses have cosigned, the newest first; and the
// key that verifies them. DATA_LOSS if one is not the store's own.
absl::StatusOr<v1::GetCheckpointsResponse> CheckpointsOf(CallStore& store, const v1::GetCheckpointsRequest& request);

// Verifies all of a store with its keys, in this thread. It stops between two segments: CANCELLED.
absl::Status VerifyWholeStore(CallStore& store, const std::stop_token& stop, CallSource::VerifyReceiver said);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_STORE_CHECKS_H_
