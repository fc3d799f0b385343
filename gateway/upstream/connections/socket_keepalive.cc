#include "gateway/upstream/connections/socket_keepalive.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "absl/strings/numbers.h"

namespace sallyport::gateway {
namespace {

// Those of this process. Empty if /proc is not there, which is told once.
std::vector<int> OpenSockets() {
  std::vector<int> sockets;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  if (folder == nullptr) {
    static const bool kTold = [] {
      spdlog::warn(
          "cannot list /proc/self/fd ({}): connections to upstreams are without TCP keepalive, and a host that "
          "vanishes is noticed late; upstreams.NAME.keepalive helps where the upstream permits it",
          std::strerror(errno));
      return true;
    }();
    static_cast<void>(kTold);
    return sockets;
  }
  while (const dirent* entry = readdir(folder.get())) {
    int descriptor = -1;
    struct stat about = {};
    if (!absl::SimpleAtoi(entry->d_name, &descriptor)) continue;
    if (fstat(descriptor, &about) == 0 && S_ISSOCK(about.st_mode)) sockets.push_back(descriptor);
  }
  return sockets;
}

void SetOption(int socket, int level, int option, int value) {
  // It may have been closed meanwhile, which is what this is about.
  if (setsockopt(socket, level, option, &value, sizeof(value)) != 0) {
    spdlog::debug("socket option {} could not be set: {}", option, std::strerror(errno));
  }
}

}  // namespace

void KeepAlive(const std::vector<ChannelSocket>& sockets, absl::Duration lost_after) {
  const bool tcp = std::any_of(sockets.begin(), sockets.end(), [](const ChannelSocket& socket) {
    return socket.remote.has_value() && socket.remote->is_tcp();
  });
  if (!tcp) return;
  const int seconds = static_cast<int>(std::clamp<int64_t>(absl::ToInt64Seconds(lost_after), 1, 3600));
  constexpr int kProbes = 3;
  for (const int descriptor : OpenSockets()) {
    const std::optional<SocketAddress> remote = SocketAddress::RemoteOf(descriptor);
    if (!remote.has_value()) continue;
    const std::optional<SocketAddress> local = SocketAddress::LocalOf(descriptor);
    const bool wanted = std::any_of(sockets.begin(), sockets.end(), [&](const ChannelSocket& socket) {
      return socket.remote == remote && socket.local == local;
    });
    if (!wanted) continue;
    SetOption(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    SetOption(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    SetOption(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / kProbes));
    SetOption(descriptor, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
    SetOption(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, seconds * 1000);
  }
}

}  // namespace sallyport::gateway
