// Files of a few kilobytes that may change while the gateway runs.
#ifndef SALLYPORT_GATEWAY_FILES_SMALL_FILE_H_
#define SALLYPORT_GATEWAY_FILES_SMALL_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace sallyport::gateway {

// All of a regular file. NOT_FOUND, PERMISSION_DENIED and the like with the path; FAILED_PRECONDITION if it is empty,
// has more than `most` bytes or is something else than a file.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t most);

// The token in a file: what ReadSmallFile gives without the line end.
absl::StatusOr<std::string> ReadTokenFile(const std::string& path);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_FILES_SMALL_FILE_H_
