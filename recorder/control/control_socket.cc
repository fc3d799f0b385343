#include "recorder/control/control_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace sallyport::recorder {
namespace {

constexpr char kName[] = "control";
constexpr int kQueue = 16;
constexpr mode_t kMode = 0600;

absl::Status Failed(const std::string& what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
}

// Paths of sockets are short, and a directory's may be long: it is named by a descriptor.
class Directory {
 public:
  explicit Directory(const std::string& path) : fd_(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    if (fd_ >= 0) close(fd_);
  }
  bool there() const { return fd_ >= 0; }
  sockaddr_un Address(const std::string& name) const {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    const std::string path = absl::StrCat("/proc/self/fd/", fd_, "/", name);
    std::copy_n(path.c_str(), std::min(path.size() + 1, sizeof address.sun_path - 1), address.sun_path);
    return address;
  }

 private:
  const int fd_;
};

const sockaddr* Generic(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

absl::Status CheckPeer(int fd) {
  ucred peer = {};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return Failed("who is at the other end");
  if (peer.uid == geteuid()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("the other end is of user ", peer.uid, ", and this process of user ",
                                                  geteuid(), ": only the same user may"));
}

bool Poll(int fd, short events, absl::Duration patience) {  // NOLINT(google-runtime-int): poll's
  const absl::Time until = absl::Now() + patience;
  while (true) {
    pollfd wait = {fd, events, 0};
    const int64_t left = std::clamp<int64_t>(absl::ToInt64Milliseconds(until - absl::Now()), 0, 3'600'000);
    const int count = poll(&wait, 1, static_cast<int>(left));
    if (count > 0) return true;
    if (count == 0 || errno != EINTR) return false;
  }
}

}  // namespace

ControlConnection& ControlConnection::operator=(ControlConnection&& other) noexcept {
  if (this == &other) return *this;
  if (fd_ >= 0) close(fd_);
  fd_ = other.Release();
  return *this;
}

ControlConnection::~ControlConnection() {
  if (fd_ >= 0) close(fd_);
}

int ControlConnection::Release() { return std::exchange(fd_, -1); }

absl::StatusOr<ControlConnection> ControlConnection::Connect(const std::string& data_directory) {
  const Directory directory(data_directory);
  if (!directory.there()) return absl::NotFoundError(absl::StrCat("there is no data directory ", data_directory));
  ControlConnection connection(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!connection.open()) return Failed("socket");
  const sockaddr_un address = directory.Address(kName);
  if (connect(connection.fd_, Generic(address), sizeof address) != 0) {
    if (errno == EACCES) return absl::PermissionDeniedError(absl::StrCat(data_directory, " is another user's"));
    if (errno != ENOENT && errno != ECONNREFUSED) return Failed(absl::StrCat("the gateway on ", data_directory));
    return absl::NotFoundError(
        absl::StrCat("no gateway serves on ", data_directory, " (or it is of an earlier release)"));
  }
  if (absl::Status status = CheckPeer(connection.fd_); !status.ok()) return status;
  return connection;
}

absl::Status ControlConnection::Send(const v1::ControlRequest& request) {
  return SendBytes(request.SerializeAsString(), {});
}

absl::Status ControlConnection::Send(v1::ControlAnswer answer, const std::vector<int>& descriptors) {
  if (answer.error().size() > kMostBytes / 2) {
    answer.mutable_error()->resize(kMostBytes / 2);
    answer.set_cut_short(true);
  }
  while (answer.ByteSizeLong() > kMostBytes && answer.changes_size() + answer.warnings_size() > 0) {
    if (answer.changes_size() > answer.warnings_size()) {
      answer.mutable_changes()->RemoveLast();
    } else {
      answer.mutable_warnings()->RemoveLast();
    }
    answer.set_cut_short(true);
  }
  return SendBytes(answer.SerializeAsString(), descriptors);
}

absl::Status ControlConnection::SendBytes(const std::string& bytes, const std::vector<int>& descriptors) {
  if (descriptors.size() > kMostDescriptors) {
    return absl::ResourceExhaustedError(absl::StrCat(descriptors.size(), " descriptors are too many to hand over"));
  }
  // A message of nothing is a packet all the same.
  std::string packet = absl::StrCat("S", bytes);
  iovec part = {packet.data(), packet.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))> control = {};
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size() * sizeof(int));
  }
  if (sendmsg(fd_, &message, MSG_NOSIGNAL) < 0) return Failed("the other process cannot be told");
  return absl::OkStatus();
}

absl::StatusOr<std::string> ControlConnection::ReceiveBytes(absl::Duration patience, std::vector<int>* descriptors) {
  if (!Poll(fd_, POLLIN, patience)) return absl::DeadlineExceededError("the other process does not answer");
  std::string packet(kMostBytes + 1, '\0');
  iovec part = {packet.data(), packet.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))> control = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = recvmsg(fd_, &message, MSG_CMSG_CLOEXEC);
  std::vector<int> received;
  if (size >= 0) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
      const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      const size_t before = received.size();
      received.resize(before + count);
      std::memcpy(received.data() + before, CMSG_DATA(header), count * sizeof(int));
    }
  }
  const bool whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  if (size > 0 && whole && packet.front() == 'S' && (received.empty() || descriptors != nullptr)) {
    if (descriptors != nullptr) *descriptors = std::move(received);
    return packet.substr(1, static_cast<size_t>(size) - 1);
  }
  for (const int fd : received) close(fd);
  if (size == 0) return absl::UnavailableError("the other process has gone");
  if (size < 0) return Failed("the other process cannot be heard");
  return absl::InvalidArgumentError("what the other process says is no message of this program");
}

absl::StatusOr<v1::ControlRequest> ControlConnection::ReceiveRequest(absl::Duration patience) {
  const absl::StatusOr<std::string> bytes = ReceiveBytes(patience, nullptr);
  if (!bytes.ok()) return bytes.status();
  v1::ControlRequest request;
  if (request.ParseFromString(*bytes)) return request;
  return absl::InvalidArgumentError("what the other process asks is no request");
}

absl::StatusOr<v1::ControlAnswer> ControlConnection::ReceiveAnswer(absl::Duration patience,
                                                                   std::vector<int>* descriptors) {
  const absl::StatusOr<std::string> bytes = ReceiveBytes(patience, descriptors);
  if (!bytes.ok()) return bytes.status();
  v1::ControlAnswer answer;
  if (answer.ParseFromString(*bytes)) return answer;
  return absl::InvalidArgumentError("what the other process answers is no answer");
}

bool ControlConnection::Gone(absl::Duration patience) const {
  if (fd_ < 0) return true;
  if (!Poll(fd_, POLLRDHUP, patience)) return false;
  return true;
}

absl::StatusOr<ControlSocket> ControlSocket::Listen(const std::string& data_directory) {
  const Directory directory(data_directory);
  if (!directory.there()) return Failed(data_directory);
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Failed("socket");
  const std::string path = absl::StrCat(data_directory, "/", kName);
  ControlSocket made(fd, path, 0);
  // Under another name until it is as it shall be. Nobody else is at it: the caller holds the directory's lock.
  const std::string fresh = absl::StrCat(kName, ".new");
  const std::string fresh_path = absl::StrCat(data_directory, "/", fresh);
  unlink(fresh_path.c_str());
  const sockaddr_un address = directory.Address(fresh);
  struct stat file = {};
  if (bind(fd, Generic(address), sizeof address) != 0 || chmod(fresh_path.c_str(), kMode) != 0 ||
      listen(fd, kQueue) != 0 || lstat(fresh_path.c_str(), &file) != 0 ||
      std::rename(fresh_path.c_str(), path.c_str()) != 0) {
    return Failed(path);
  }
  made.inode_ = file.st_ino;
  return made;
}

ControlSocket::ControlSocket(ControlSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), inode_(other.inode_) {}

ControlSocket::~ControlSocket() {
  if (fd_ < 0) return;
  struct stat file = {};
  if (inode_ != 0 && lstat(path_.c_str(), &file) == 0 && file.st_ino == inode_) unlink(path_.c_str());
  close(fd_);
}

absl::StatusOr<ControlConnection> ControlSocket::Accept() {
  ControlConnection connection(accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection.open()) return Failed("accept");
  if (absl::Status status = CheckPeer(connection.fd()); !status.ok()) return status;
  return connection;
}

}  // namespace sallyport::recorder
