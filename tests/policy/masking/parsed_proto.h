// Descriptors of a proto file that is given as text.
#ifndef SALLYPORT_TESTS_POLICY_MASKING_PARSED_PROTO_H_
#define SALLYPORT_TESTS_POLICY_MASKING_PARSED_PROTO_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "policy/descriptors/descriptors.h"

namespace sallyport::policy {

// It may import the standard ones.
absl::StatusOr<std::shared_ptr<const Descriptors>> ParsedProto(const std::string& proto);

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_MASKING_PARSED_PROTO_H_
