// The encodings of messages that `grpc-encoding` names.
#ifndef SALLYPORT_PROTOS_MESSAGE_ENCODING_H_
#define SALLYPORT_PROTOS_MESSAGE_ENCODING_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sallyport {

enum class MessageEncoding { kIdentity, kGzip, kDeflate };

// "", "identity", "gzip" or "deflate"; nothing for any other.
std::optional<MessageEncoding> ParseMessageEncoding(std::string_view name);

// What a compressed message holds. INVALID_ARGUMENT if it is damaged, or longer than `most_bytes` when inflated.
// `*inflated`, where given, is how many bytes were made of it, also if it fails.
absl::StatusOr<std::string> Inflate(MessageEncoding encoding, std::string_view message, size_t most_bytes,
                                    size_t* inflated = nullptr);

// `bytes` as one gzip member (RFC 1952).
absl::StatusOr<std::string> Gzip(std::string_view bytes);

}  // namespace sallyport

#endif  // SALLYPORT_PROTOS_MESSAGE_ENCODING_H_
