// Checks the evidence of an answer: that of the calls in a part of the log those are listed, and all others named.
#ifndef SALLYPORT_RECORDER_VERIFY_ANSWER_PROOF_H_
#define SALLYPORT_RECORDER_VERIFY_ANSWER_PROOF_H_

#include "absl/status/statusor.h"
#include "recorder/format/checkpoint.h"
#include "recorder/verify/evidence_check.h"
#include "sallyport/v1/evidence.pb.h"

namespace sallyport::recorder {

// `checkpoint` is verified. INVALID_ARGUMENT, saying what does not hold.
absl::StatusOr<ProvenAnswer> CheckAnswerEvidence(const v1::AnswerEvidence& evidence, const Checkpoint& checkpoint);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_ANSWER_PROOF_H_
