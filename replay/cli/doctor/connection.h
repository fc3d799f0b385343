// Connections with bounds.
#ifndef SALLYPORT_REPLAY_CLI_DOCTOR_CONNECTION_H_
#define SALLYPORT_REPLAY_CLI_DOCTOR_CONNECTION_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sallyport::replay {

// OK if something takes a connection at `target` (gRPC's notation) within `bound`; it is closed at once. UNAVAILABLE
// with the system's word for it otherwise; UNIMPLEMENTED for kinds of targets that are not tried.
absl::Status TryConnection(const std::string& target, absl::Duration bound);

// The body of what an HTTP/1.1 server at `address` (HOST:PORT) answers to GET `path`, at most `most` bytes of it.
// UNAVAILABLE if there is no answer with status 200 within `bound`.
absl::StatusOr<std::string> HttpGet(const std::string& address, std::string_view path, size_t most,
                                    absl::Duration bound);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_DOCTOR_CONNECTION_H_
