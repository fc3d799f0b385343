// Writes evidence files.
#ifndef SALLYPORT_REPLAY_CLI_EVIDENCE_FILE_H_
#define SALLYPORT_REPLAY_CLI_EVIDENCE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "sallyport/v1/evidence.pb.h"

namespace sallyport::replay {

// To a file with mode 0600 that replaces what is there, or to stdout for "-".
absl::Status WriteEvidence(const v1::Evidence& evidence, const std::string& path);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_EVIDENCE_FILE_H_
