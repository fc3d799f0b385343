#include "replay/replayer/grpc_frame.h"

#include <grpc/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <vector>

namespace grpc::internal {

// The C++ API has no public way to say that a message is compressed already, or to see that it is; the C API underneath
// does. ByteBuffer names this class its friend and leaves it to whoever needs that.
class GrpcByteBufferPeer {
 public:
  static grpc_byte_buffer* Buffer(ByteBuffer& message) { return message.c_buffer(); }
};

}  // namespace grpc::internal

namespace sallyport::replay {

using grpc::internal::GrpcByteBufferPeer;

grpc_compression_algorithm ToGrpc(MessageEncoding encoding) {
  switch (encoding) {
    case MessageEncoding::kGzip:
      return GRPC_COMPRESS_GZIP;
    case MessageEncoding::kDeflate:
      return GRPC_COMPRESS_DEFLATE;
    case MessageEncoding::kIdentity:
      break;
  }
  return GRPC_COMPRESS_NONE;
}

grpc::ByteBuffer ToByteBuffer(const CallFrame& frame, MessageEncoding encoding) {
  const grpc::Slice slice(frame.payload);
  grpc::ByteBuffer message(&slice, 1);
  if (frame.compressed) GrpcByteBufferPeer::Buffer(message)->data.raw.compression = ToGrpc(encoding);
  return message;
}

CallFrame FromByteBuffer(grpc::ByteBuffer& message) {
  CallFrame frame;
  std::vector<grpc::Slice> slices;
  if (!message.Dump(&slices).ok()) return frame;  // only a message that was never filled
  frame.payload.reserve(message.Length());
  for (const grpc::Slice& slice : slices) {
    frame.payload.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  frame.compressed = EncodingOf(message) != MessageEncoding::kIdentity;
  return frame;
}

MessageEncoding EncodingOf(grpc::ByteBuffer& message) {
  const grpc_byte_buffer* const buffer = GrpcByteBufferPeer::Buffer(message);
  if (buffer == nullptr) return MessageEncoding::kIdentity;
  switch (buffer->data.raw.compression) {
    case GRPC_COMPRESS_GZIP:
      return MessageEncoding::kGzip;
    case GRPC_COMPRESS_DEFLATE:
      return MessageEncoding::kDeflate;
    default:
      return MessageEncoding::kIdentity;
  }
}

}  // namespace sallyport::replay
