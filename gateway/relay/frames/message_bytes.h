// Access to what gRPC's generic API keeps to itself: a message's pieces, and how it was compressed.
#ifndef SALLYPORT_GATEWAY_RELAY_FRAMES_MESSAGE_BYTES_H_
#define SALLYPORT_GATEWAY_RELAY_FRAMES_MESSAGE_BYTES_H_

#include <grpc/compression.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"

struct grpc_call;

namespace sallyport::gateway {

// The pieces of a message, without copying them. Keeps them alive.
class MessagePieces {
 public:
  explicit MessagePieces(const grpc::ByteBuffer& message);
  MessagePieces(const MessagePieces&) = delete;
  MessagePieces& operator=(const MessagePieces&) = delete;
  absl::Span<const std::string_view> views() const { return views_; }

 private:
  grpc::Slice single_;
  std::vector<grpc::Slice> slices_;
  absl::InlinedVector<std::string_view, 4> views_;
};

// What the peer of a call announced in `grpc-encoding`; GRPC_COMPRESS_NONE for identity and for encodings gRPC does not
// know. Valid once the peer's initial metadata has come, and only inside a reaction of the call.
grpc_compression_algorithm IncomingEncoding(grpc_call* call);

// True if the message read last from the call had its compressed flag set. Only inside the reaction that reports the
// read.
bool LastMessageCompressed(grpc_call* call);

// The encodings in the peer's `grpc-accept-encoding`, a bit for each grpc_compression_algorithm; identity always is
// among them.
uint32_t AcceptedEncodings(grpc_call* call);

// "" for identity, else as in `grpc-encoding`.
std::string_view EncodingName(grpc_compression_algorithm algorithm);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_FRAMES_MESSAGE_BYTES_H_
