// Has the kernel find out that the other end of a connection is gone.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_SOCKET_KEEPALIVE_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_SOCKET_KEEPALIVE_H_

#include <vector>

#include "absl/time/time.h"
#include "gateway/upstream/connections/channel_sockets.h"

namespace sallyport::gateway {

// Turns TCP's keepalive on for those of `sockets` that this process has open, and bounds how long what was sent may
// stay unacknowledged. A silent connection whose other end is gone is then closed within 1.5 × `lost_after` (whole
// seconds, 1 s to 1 h), and one that data was sent on within `lost_after`.
//
// Segments without data are exchanged by the two kernels: unlike HTTP/2's PING no server counts them, and gRPC's
// servers end a connection that pings more often than every five minutes. The library keeps its descriptors to itself,
// so they are found by both ends' addresses, which no other socket of this machine has. Should a descriptor be closed
// and opened anew in between, another connection has keepalive on: that harms nobody.
void KeepAlive(const std::vector<ChannelSocket>& sockets, absl::Duration lost_after);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_SOCKET_KEEPALIVE_H_
