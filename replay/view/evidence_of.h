// Evidence of what a store holds.
#ifndef SALLYPORT_REPLAY_VIEW_EVIDENCE_OF_H_
#define SALLYPORT_REPLAY_VIEW_EVIDENCE_OF_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "replay/view/call_store.h"
#include "sallyport/v1/evidence.pb.h"

namespace sallyport::replay {

// The evidence of one call, and for an answer that lists these calls. What does not hold is never handed out:
// DATA_LOSS. While a gateway runs they wait some seconds for it to sign a checkpoint that covers what is asked for.
// Other errors are those of recorder::BuildCallEvidence and BuildAnswerEvidence.
absl::StatusOr<v1::Evidence> EvidenceOfCall(CallStore& store, uint64_t id);
absl::StatusOr<v1::Evidence> EvidenceOfAnswer(CallStore& store, const std::vector<uint64_t>& ids);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_EVIDENCE_OF_H_
