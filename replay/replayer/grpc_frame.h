// Frames as gRPC's C++ API takes and gives them.
#ifndef SALLYPORT_REPLAY_REPLAYER_GRPC_FRAME_H_
#define SALLYPORT_REPLAY_REPLAYER_GRPC_FRAME_H_

#include <grpc/compression.h>
#include <grpcpp/support/byte_buffer.h>

#include "protos/message_encoding.h"
#include "replay/replayer/recorded_call.h"

namespace sallyport::replay {

grpc_compression_algorithm ToGrpc(MessageEncoding encoding);

// A message that is sent with exactly these bytes and this compressed flag. The call must have `encoding` set and the
// write must forbid compression.
grpc::ByteBuffer ToByteBuffer(const CallFrame& frame, MessageEncoding encoding);

// What was received on a channel with per-message decompression switched off.
CallFrame FromByteBuffer(grpc::ByteBuffer& message);
// How a message received so is compressed; kIdentity if it is not.
MessageEncoding EncodingOf(grpc::ByteBuffer& message);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_REPLAYER_GRPC_FRAME_H_
