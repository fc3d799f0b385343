// Makes evidence: files that prove to a stranger what is in a log. protos/sallyport/v1/evidence.proto says what they
// hold; recorder/verify/evidence_check.h reads and checks them.
#ifndef SALLYPORT_RECORDER_EVIDENCE_EVIDENCE_H_
#define SALLYPORT_RECORDER_EVIDENCE_EVIDENCE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "recorder/format/log_format.h"
#include "recorder/format/store_layout.h"
#include "recorder/keys/store_keys.h"
#include "sallyport/v1/evidence.pb.h"

namespace sallyport::recorder {

// The evidence of one call, whose entries are in these blocks, in order. Errors: FAILED_PRECONDITION if the last
// checkpoint does not cover them yet (a gateway signs one within about a second), NOT_FOUND if one of the segments is
// shredded, DATA_LOSS naming segment and offset.
absl::StatusOr<v1::Evidence> BuildCallEvidence(const StoreLayout& layout, StoreKeys& keys, uint64_t call_id,
                                               absl::Span<const Position> blocks);

// What an answer lists: a call and the first and the last block that holds entries of it.
struct ListedCall {
  uint64_t id = 0;
  Position first;
  Position last;
};
// The evidence for an answer that lists these calls, over all of the log from their first block to their last.
// Needs no key. Errors: as above, and NOT_FOUND if a segment between them was deleted.
absl::StatusOr<v1::Evidence> BuildAnswerEvidence(const StoreLayout& layout, absl::Span<const ListedCall> calls);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_EVIDENCE_EVIDENCE_H_
