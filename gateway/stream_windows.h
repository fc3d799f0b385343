// How much of a stream that nobody reads the gateway holds.
#ifndef SALLYPORT_GATEWAY_STREAM_WINDOWS_H_
#define SALLYPORT_GATEWAY_STREAM_WINDOWS_H_

#include <grpcpp/server_builder.h>
#include <grpcpp/support/channel_arguments.h>

#include <cstdint>

namespace sallyport::gateway {

// The least and the most that a window can be, in bytes.
inline constexpr uint32_t kLeastWindow = 64 << 10;
inline constexpr uint32_t kMostWindow = 1 << 30;

// The HTTP/2 window (RFC 9113, 5.2) of each stream in each direction, for connections that come up from now on: what
// the other side may send beyond the message that is being read. Of the whole process. Called before there are any
// connections, and by one thread.
//
// gRPC has its windows follow the bandwidth that it measures, up to 32 MiB a stream on a fast network, and 50 streams
// that nobody read held 1.8 GB. Its own settings offer either that, or a fixed window for streams with 64 KiB for the
// connection that they share, which is 1.3 MB/s for everything at a round trip of 50 ms. So the measuring stays, and
// what it is to result in comes from here, through the hook by which the library's own tests set it
// (src/core/ext/transport/chttp2/transport/flow_control.h); connection and streams then have one window. A library
// without the hook has the fixed windows, which bound memory all the same.
void SetStreamWindow(uint32_t bytes);

// Puts the window into force for a channel or a server.
void BoundStreamWindows(grpc::ChannelArguments& arguments);
void BoundStreamWindows(grpc::ServerBuilder& builder);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_STREAM_WINDOWS_H_
