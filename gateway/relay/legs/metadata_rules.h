// Which metadata may pass, and which the relay must not pass on.
#ifndef SALLYPORT_GATEWAY_RELAY_LEGS_METADATA_RULES_H_
#define SALLYPORT_GATEWAY_RELAY_LEGS_METADATA_RULES_H_

#include <grpcpp/support/string_ref.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "recorder/format/entry_batch.h"

namespace sallyport::gateway {

using GrpcMetadata = std::multimap<grpc::string_ref, grpc::string_ref>;

inline std::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

// INVALID_ARGUMENT names the first pair that gRPC's HTTP/2 mapping does not allow: keys are [0-9a-z_.-]+, values of
// keys without `-bin` are printable ASCII. gRPC hands such pairs to applications but aborts the process that tries to
// send one.
absl::Status CheckMetadata(const GrpcMetadata& metadata);
// The same for what a caller sends, and no more than one `authorization`: of two, one could be checked here and the
// other believed elsewhere.
absl::Status CheckRequestMetadata(const GrpcMetadata& metadata);

// The name under which callers say which session a call belongs to.
inline constexpr std::string_view kSessionKey = "sallyport-session";
inline constexpr size_t kMostSessionNameBytes = 256;
// The trailer that tells callers a call's id, where their route says so.
inline constexpr std::string_view kCallIdKey = "sallyport-call-id";

// INVALID_ARGUMENT, naming the limit, if a session's name is longer. What it may be made of CheckMetadata sees to.
absl::Status CheckSessionName(const GrpcMetadata& metadata);

// Whether a name belongs to the gateway: "sallyport-…" in any mixture of cases, with dashes, underscores or dots, which
// programs behind the upstream may not tell apart.
bool IsReserved(std::string_view key);

// False for what the gRPC library on the other leg sets itself and for names that are reserved.
bool PassesUpstream(std::string_view key);
bool PassesToCaller(std::string_view key);

// INVALID_ARGUMENT unless `path` is "/package.Service/Method" or, without a package, "/Service/Method": two slashes,
// and names of letters, digits, underscores and dashes, those of the service with single dots between. At most 1,024
// bytes.
absl::Status CheckPath(std::string_view path);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_LEGS_METADATA_RULES_H_
