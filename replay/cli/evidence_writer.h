// Writes evidence files.
#ifndef SALLYPORT_REPLAY_CLI_EVIDENCE_WRITER_H_
#define SALLYPORT_REPLAY_CLI_EVIDENCE_WRITER_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/evidence/evidence.h"
#include "recorder/record_reader.h"
#include "replay/cli/command.h"

namespace sallyport::replay {

// The evidence of one call of the store, checked. Waits some seconds for a checkpoint that covers it.
absl::StatusOr<v1::Evidence> EvidenceOfCall(const CommandContext& context, recorder::RecordReader& store, uint64_t id);

// The evidence for an answer that lists these calls, checked. Waits likewise.
absl::StatusOr<v1::Evidence> EvidenceOfAnswer(const CommandContext& context, recorder::RecordReader& store,
                                              const std::vector<uint64_t>& ids);

// To a file with mode 0600 that replaces what is there, or to stdout for "-".
absl::Status WriteEvidence(const v1::Evidence& evidence, const std::string& path);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_EVIDENCE_WRITER_H_
