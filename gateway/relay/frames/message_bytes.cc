#include "gateway/relay/frames/message_bytes.h"

// The C++ API hides the encoding of a call and the compressed flag of a message from generic services. The core library
// exports these for its own tests; they exist in all versions from 1.2 on. They read members that the call sets before
// the reaction runs.
grpc_compression_algorithm grpc_call_test_only_get_compression_algorithm(grpc_call* call);
uint32_t grpc_call_test_only_get_message_flags(grpc_call* call);
uint32_t grpc_call_test_only_get_encodings_accepted_by_peer(grpc_call* call);

namespace sallyport::gateway {
namespace {

// GRPC_WRITE_INTERNAL_COMPRESS of the core library: the message's compressed flag.
constexpr uint32_t kCompressedFlag = 0x80000000u;

std::string_view ViewOf(const grpc::Slice& slice) {
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

}  // namespace

MessagePieces::MessagePieces(const grpc::ByteBuffer& message) {
  // Most messages are one slice; only those with several need the copy of the list.
  if (message.TrySingleSlice(&single_).ok()) {
    views_.push_back(ViewOf(single_));
    return;
  }
  if (!message.Dump(&slices_).ok()) return;  // only for a message that was never filled
  for (const grpc::Slice& slice : slices_) views_.push_back(ViewOf(slice));
}

grpc_compression_algorithm IncomingEncoding(grpc_call* call) {
  return grpc_call_test_only_get_compression_algorithm(call);
}

bool LastMessageCompressed(grpc_call* call) {
  return (grpc_call_test_only_get_message_flags(call) & kCompressedFlag) != 0;
}

uint32_t AcceptedEncodings(grpc_call* call) {
  return grpc_call_test_only_get_encodings_accepted_by_peer(call) | (1u << GRPC_COMPRESS_NONE);
}

std::string_view EncodingName(grpc_compression_algorithm algorithm) {
  switch (algorithm) {
    case GRPC_COMPRESS_DEFLATE:
      return "deflate";
    case GRPC_COMPRESS_GZIP:
      return "gzip";
    default:
      return "";
  }
}

}  // namespace sallyport::gateway
