// Checks evidence: files that prove to a stranger what is in a log. Needs no store.
#ifndef SALLYPORT_RECORDER_VERIFY_EVIDENCE_CHECK_H_
#define SALLYPORT_RECORDER_VERIFY_EVIDENCE_CHECK_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "recorder/crypto/signed_note.h"
#include "recorder/verify/stated_call.h"
#include "sallyport/v1/evidence.pb.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {

std::string FormatEvidence(const v1::Evidence& evidence);
// INVALID_ARGUMENT, saying what is wrong, if the text is no evidence. Proves nothing yet.
absl::StatusOr<v1::Evidence> ParseEvidence(std::string_view text);

// What was proved.
struct ProvenCall {
  StatedCall stated;   // as the call's entries tell it
  bool ended = false;  // its end is among the entries
  // That no entry is missing is proved too: of a call without an end, that it was open at the log's size. False where a
  // block of format 2 holds entries of it, which does not say how many.
  bool complete = false;
  bool open() const { return complete && !ended; }
  int entries = 0;
  int unknown = 0;    // of these, of a kind that this version does not know
  int unopened = 0;   // of these, frames whose payload is sealed under a further key
  int shortened = 0;  // of these, frames recorded without the end of their payload, or any: that is not proved
  std::vector<v1::Entry> record;  // the entries, in order
};
struct ProvenAnswer {
  uint64_t first_leaf = 0;
  uint64_t end_leaf = 0;
  uint64_t blocks = 0;   // of entries, in the run
  uint64_t entries = 0;  // in those
  std::vector<uint64_t> listed;
  std::vector<uint64_t> open;     // of those listed: had not ended at the log's size
  std::vector<uint64_t> unknown;  // of those listed: blocks of format 2 do not say whether they have ended
  std::vector<uint64_t> others;
};
struct ProvenEvidence {
  std::string origin;
  uint64_t size = 0;  // of the log's tree when the checkpoint was signed
  std::variant<ProvenCall, ProvenAnswer> about;
};

// Checks everything in it against the key alone. INVALID_ARGUMENT, saying what does not hold.
absl::StatusOr<ProvenEvidence> VerifyEvidence(const v1::Evidence& evidence, const VerifierKey& key);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_EVIDENCE_CHECK_H_
