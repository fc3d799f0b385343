// Descriptors from .proto sources, compiled by protobuf itself.
#ifndef SALLYPORT_POLICY_DESCRIPTORS_PROTO_SOURCES_H_
#define SALLYPORT_POLICY_DESCRIPTORS_PROTO_SOURCES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/descriptors/descriptors.h"

namespace sallyport::policy {

// All .proto files under `directory`, which their imports are relative to; the standard ones (google/protobuf/...) are
// there anyway. Symbolic links to directories are not followed. Blocks while it reads and compiles, up to 20,000 files
// and 64 MiB. Errors: INVALID_ARGUMENT with a line "<directory>/<file>:<line>:<column>: <what is wrong>" for each of
// the first faults, or if there is no such file; what the system said if one can't be read. With `left_out`, files that
// cannot be used, and those that import them, are no error as long as there are others: they are left out, and the
// lines go there. Sources in editions are not understood: a descriptor set of them is. Options that came after this
// protobuf (debug_redact, retention, targets) are, and this program's own descriptor.proto stands for one among them.
absl::StatusOr<std::shared_ptr<const Descriptors>> CompileProtos(const std::string& directory,
                                                                 std::vector<std::string>* left_out = nullptr);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_DESCRIPTORS_PROTO_SOURCES_H_
