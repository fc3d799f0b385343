// Checks the evidence of one call.
#ifndef SALLYPORT_RECORDER_VERIFY_CALL_PROOF_H_
#define SALLYPORT_RECORDER_VERIFY_CALL_PROOF_H_

#include "absl/status/statusor.h"
#include "recorder/format/checkpoint.h"
#include "recorder/verify/evidence_check.h"
#include "sallyport/v1/evidence.pb.h"

namespace sallyport::recorder {

// `checkpoint` is verified. INVALID_ARGUMENT, saying what does not hold.
absl::StatusOr<ProvenCall> CheckCallEvidence(const v1::CallEvidence& evidence, const Checkpoint& checkpoint);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_CALL_PROOF_H_
