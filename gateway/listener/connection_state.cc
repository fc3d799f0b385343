#include "gateway/listener/connection_state.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdint>

namespace sallyport::gateway {
namespace {

// A cancel is reported within milliseconds of its frame's coming; on a machine that is very busy, later.
constexpr uint32_t kSilentMilliseconds = 900;

}  // namespace

ConnectionState StateOfSocket(int socket) {
  pollfd asked = {socket, POLLRDHUP, 0};
  if (socket < 0 || poll(&asked, 1, 0) < 0 || (asked.revents & POLLNVAL) != 0) return ConnectionState::kUnknown;
  if ((asked.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) return ConnectionState::kClosed;
  tcp_info info = {};
  socklen_t size = sizeof info;
  // Other kinds of sockets do not have it.
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return ConnectionState::kThere;
  return info.tcpi_last_data_recv > kSilentMilliseconds ? ConnectionState::kSilent : ConnectionState::kThere;
}

}  // namespace sallyport::gateway
