#include "gateway/listener/waiting_connection.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gateway/listener/proxy_header.h"

namespace sallyport::gateway {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kVersion1 = "PROXY ";

absl::StatusOr<size_t> Receive(int fd, char* to, size_t size, int flags) {
  while (true) {
    const ssize_t got = recv(fd, to, size, flags | MSG_DONTWAIT);
    if (got > 0) return static_cast<size_t>(got);
    if (got == 0) return absl::UnavailableError("the other end closed it");
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return absl::UnavailableError(std::strerror(errno));
  }
}

}  // namespace

absl::StatusOr<WaitingConnection::Progress> WaitingConnection::GoOn() {
  if (expects_.proxy_header && !header_read_) {
    const absl::StatusOr<Progress> progress = ReadProxyHeader();
    if (!progress.ok() || *progress == Progress::kWaits) return progress;
  }
  return expects_.preface ? LookAtPreface() : Progress::kReady;
}

absl::StatusOr<WaitingConnection::Progress> WaitingConnection::ReadProxyHeader() {
  size_t whole = kProxyHeadBytes;
  while (true) {
    // Nothing beyond the header is taken: what follows is for gRPC.
    if (header_.size() >= kProxyHeadBytes) {
      const absl::StatusOr<size_t> size = ProxyHeaderSize(std::string_view(header_).substr(0, kProxyHeadBytes));
      if (!size.ok()) return size.status();
      whole = *size;
      if (header_.size() == whole) break;
    }
    char bytes[kMostProxyHeaderBytes];
    const absl::StatusOr<size_t> got = Receive(fd_.get(), bytes, whole - header_.size(), 0);
    if (!got.ok()) return got.status();
    if (*got == 0) return Progress::kWaits;
    header_.append(bytes, *got);
    const bool may_be_version_1 = kVersion1.starts_with(header_);
    if (!MayBeProxyHeader(header_) && !may_be_version_1) return ProxyHeaderSize(header_).status();
  }
  absl::StatusOr<std::optional<SocketName>> caller = ParseProxyHeader(header_);
  if (!caller.ok()) return caller.status();
  caller_ = *caller;
  header_read_ = true;
  header_ = std::string();
  return Progress::kReady;
}

absl::StatusOr<WaitingConnection::Progress> WaitingConnection::LookAtPreface() const {
  char bytes[kPreface.size()];
  const absl::StatusOr<size_t> got = Receive(fd_.get(), bytes, sizeof bytes, MSG_PEEK);
  if (!got.ok()) return got.status();
  if (std::string_view(bytes, *got) != kPreface.substr(0, *got)) {
    return absl::InvalidArgumentError("what came first is not HTTP/2");
  }
  return *got == kPreface.size() ? Progress::kReady : Progress::kWaits;
}

}  // namespace sallyport::gateway
