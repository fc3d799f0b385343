// What all evidence is checked by, whatever it is about.
#ifndef SALLYPORT_RECORDER_VERIFY_EVIDENCE_PARTS_H_
#define SALLYPORT_RECORDER_VERIFY_EVIDENCE_PARTS_H_

#include <google/protobuf/repeated_field.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/verify/header_check.h"
#include "sallyport/v1/evidence.pb.h"

namespace sallyport::recorder {

// INVALID_ARGUMENT: what does not hold, and where.
absl::Status Wrong(std::string_view what);
absl::Status Prefixed(std::string_view where, const absl::Status& status);

// The hashes of a proof; no more than one can have.
absl::StatusOr<std::vector<Hash>> ToHashes(const google::protobuf::RepeatedPtrField<std::string>& all);

// Checks that the header commits to this directory.
absl::Status CheckDirectoryOf(const CheckedBlock& block, const std::string& directory, const std::string& body_hash,
                              const std::string& parts_hash);

// What a directory says of a call; nothing if it does not name it.
std::optional<CheckedDirectoryLine> FindLine(const CheckedBlock& block, std::string_view directory, uint64_t call_id);

// One leaf of a run.
struct ShownLeaf {
  CheckedBlock block;  // a segment's header is as a block without entries

  // Checks that it is the leaf of this index.
  absl::Status Check(const v1::ProvenLeaf& leaf, uint64_t index);
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_EVIDENCE_PARTS_H_
