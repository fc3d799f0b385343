#include "gateway/listener/listening_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

constexpr int kFirstInherited = 3;
constexpr int kMostInherited = 64;
constexpr int kPortAttempts = 10;

absl::Status Unavailable(const SocketName& address, absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(AddressText(address), ": ", what));
}

absl::Status Failed(const SocketName& address, absl::string_view step) {
  return Unavailable(address, absl::StrCat(step, ": ", std::strerror(errno)));
}

// Not this machine's, or of a family that it does not have.
bool IsElsewhere(int error) {
  return error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EPROTONOSUPPORT || error == ENETUNREACH;
}

absl::StatusOr<SocketName> NameOf(int fd) {
  SocketName address;
  address.length = sizeof(address.storage);
  if (getsockname(fd, address.get(), &address.length) != 0) {
    return absl::UnavailableError(absl::StrCat("getsockname: ", std::strerror(errno)));
  }
  return address;
}

void SetOption(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

SocketName WildcardFor(int family, int port) {
  SocketName address;
  address.storage.ss_family = static_cast<sa_family_t>(family);
  address.length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  address.set_port(port);
  return address;
}

bool SameAddress(const SocketName& one, const SocketName& other) {
  if (one.wildcard() && other.wildcard()) return one.port() == other.port();
  return AddressText(one) == AddressText(other) && one.family() == other.family();
}

// Whether a connection to it is taken, or waits to be.
absl::StatusOr<bool> SomebodyAnswers(const SocketName& address) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return Failed(address, "socket");
  if (connect(socket.get(), address.get(), address.length) == 0) return true;
  if (errno == ECONNREFUSED || errno == ENOENT) return false;
  if (errno == EAGAIN || errno == EINPROGRESS) return true;  // it listens, and is busy
  return Failed(address, "cannot tell whether somebody listens on it");
}

absl::StatusOr<std::vector<ListeningSocket>> AdoptAll(std::vector<Descriptor> inherited) {
  if (inherited.empty()) {
    return absl::UnavailableError("the process was given no sockets to listen on (LISTEN_PID, LISTEN_FDS)");
  }
  std::vector<ListeningSocket> sockets;
  for (Descriptor& fd : inherited) {
    absl::StatusOr<ListeningSocket> socket = ListeningSocket::Adopt(std::move(fd));
    if (!socket.ok()) return socket.status();
    sockets.push_back(*std::move(socket));
  }
  return sockets;
}

// The one that has this very address; none if there is none.
Descriptor TakeInherited(const SocketName& address, std::vector<Descriptor>& inherited) {
  const auto found = std::find_if(inherited.begin(), inherited.end(), [&address](const Descriptor& fd) {
    const absl::StatusOr<SocketName> name = NameOf(fd.get());
    return name.ok() && SameAddress(*name, address);
  });
  if (found == inherited.end()) return Descriptor();
  Descriptor taken = std::move(*found);
  inherited.erase(found);
  return taken;
}

// One socket for both families; without IPv6, one for IPv4.
absl::StatusOr<ListeningSocket> OpenWildcard(int port, int* error) {
  absl::StatusOr<ListeningSocket> socket = ListeningSocket::Open(WildcardFor(AF_INET6, port), error);
  if (socket.ok() || !IsElsewhere(*error)) return socket;
  return ListeningSocket::Open(WildcardFor(AF_INET, port), error);
}

// `*taken` if all are to have one free port, and that of the first is not free on another.
absl::StatusOr<std::vector<ListeningSocket>> OpenAll(const std::vector<SocketName>& addresses,
                                                     std::vector<Descriptor>& inherited, bool* taken) {
  std::vector<ListeningSocket> sockets;
  absl::Status elsewhere;
  const bool any_port = !addresses.front().unix_socket() && addresses.front().port() == 0;
  for (SocketName address : addresses) {
    if (any_port && !sockets.empty()) address.set_port(sockets.front().address().port());
    int error = 0;
    Descriptor given = TakeInherited(address, inherited);
    absl::StatusOr<ListeningSocket> socket = given.valid()        ? ListeningSocket::Adopt(std::move(given))
                                             : address.wildcard() ? OpenWildcard(address.port(), &error)
                                                                  : ListeningSocket::Open(address, &error);
    if (socket.ok()) {
      sockets.push_back(*std::move(socket));
      if (address.wildcard()) break;  // that is all there is
    } else if (IsElsewhere(error)) {
      elsewhere = socket.status();
    } else {
      *taken = any_port && !sockets.empty() && error == EADDRINUSE;
      return socket.status();
    }
  }
  if (sockets.empty()) return elsewhere;
  return sockets;
}

}  // namespace

ListeningSocket::~ListeningSocket() {
  if (!socket_.valid() || inode_ == 0) return;
  const std::string path = address_.path();
  struct stat file = {};
  // Under the lock, so that it is nobody else's by now.
  if (lstat(path.c_str(), &file) == 0 && file.st_ino == inode_) unlink(path.c_str());
}

// Makes sure that the path is nobody's, and stays this one's.
absl::Status ListeningSocket::TakePath() {
  const std::string path = address_.path();
  lock_.Reset(open(absl::StrCat(path, ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock_.valid()) return Failed(address_, "its lock file, <path>.lock, cannot be opened");
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return Unavailable(address_, "another gateway serves on this path (it holds <path>.lock)");
  }
  struct stat file = {};
  if (lstat(path.c_str(), &file) != 0) return absl::OkStatus();
  if (!S_ISSOCK(file.st_mode)) return Unavailable(address_, "there is a file of that name which is no socket");
  const absl::StatusOr<bool> answers = SomebodyAnswers(address_);
  if (!answers.ok()) return answers.status();
  if (*answers) return Unavailable(address_, "somebody else serves on this path");
  if (unlink(path.c_str()) != 0) return Failed(address_, "the socket that was left there cannot be removed");
  return absl::OkStatus();
}

absl::StatusOr<ListeningSocket> ListeningSocket::Open(const SocketName& address, int* error) {
  *error = 0;
  ListeningSocket made;
  made.address_ = address;
  made.socket_.Reset(socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int fd = made.socket_.get();
  const auto failed = [&](absl::string_view step) {
    *error = errno;
    return Failed(address, step);
  };
  if (fd < 0) return failed("socket");
  const bool in_files = !address.path().empty();
  if (in_files) {
    if (absl::Status status = made.TakePath(); !status.ok()) return status;
  } else if (!address.unix_socket()) {
    // After a restart, connections of before may still be waiting to end. No SO_REUSEPORT: a port that another process
    // listens on is an error, not something to share.
    SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (address.family() == AF_INET6) SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, address.wildcard() ? 0 : 1);
    SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);  // connections inherit it
  }
  if (bind(fd, address.get(), address.length) != 0) return failed("bind");
  struct stat file = {};
  if (in_files && lstat(address.path().c_str(), &file) == 0) made.inode_ = file.st_ino;
  if (listen(fd, SOMAXCONN) != 0) return failed("listen");
  absl::StatusOr<SocketName> name = NameOf(fd);
  if (!name.ok()) return name.status();
  made.address_ = *name;
  return made;
}

absl::StatusOr<ListeningSocket> ListeningSocket::Adopt(Descriptor socket) {
  const int fd = socket.get();
  absl::StatusOr<SocketName> name = NameOf(fd);
  if (!name.ok()) return name.status();
  int listens = 0;
  socklen_t size = sizeof listens;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) {
    return Unavailable(*name, "was inherited, and does not listen");
  }
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return Failed(*name, "fcntl");
  }
  if (!name->unix_socket()) SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  ListeningSocket adopted;
  adopted.socket_ = std::move(socket);
  adopted.address_ = *name;
  return adopted;
}

absl::StatusOr<ListeningSocket> ListeningSocket::Adopt(Descriptor socket, std::vector<Descriptor>& locks) {
  absl::StatusOr<ListeningSocket> adopted = Adopt(std::move(socket));
  if (!adopted.ok() || adopted->address_.path().empty()) return adopted;
  const std::string path = adopted->address_.path();
  struct stat lock_file = {};
  if (lstat(absl::StrCat(path, ".lock").c_str(), &lock_file) != 0) return adopted;
  const auto lock = std::find_if(locks.begin(), locks.end(), [&lock_file](const Descriptor& fd) {
    struct stat file = {};
    return fstat(fd.get(), &file) == 0 && file.st_ino == lock_file.st_ino && file.st_dev == lock_file.st_dev;
  });
  if (lock == locks.end()) return adopted;
  adopted->lock_ = std::move(*lock);
  locks.erase(lock);
  struct stat file = {};
  if (lstat(path.c_str(), &file) == 0 && S_ISSOCK(file.st_mode)) adopted->inode_ = file.st_ino;
  return adopted;
}

absl::StatusOr<std::vector<ListeningSocket>> ListenOn(const std::string& text, std::vector<Descriptor>& inherited) {
  if (text == kInherited) return AdoptAll(std::exchange(inherited, {}));
  absl::StatusOr<std::vector<SocketName>> addresses = ResolveListenAddress(text);
  if (!addresses.ok()) return addresses.status();
  // A free port of the first address may be taken on the others: then another one.
  for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
    bool taken = false;
    absl::StatusOr<std::vector<ListeningSocket>> sockets = OpenAll(*addresses, inherited, &taken);
    if (!taken) return sockets;
  }
  return absl::UnavailableError(absl::StrCat(text, ": no port is free on all its addresses"));
}

std::vector<Descriptor> InheritedSockets() {
  std::vector<Descriptor> sockets;
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  int64_t process = 0;
  int number = 0;
  if (pid != nullptr && count != nullptr && absl::SimpleAtoi(pid, &process) && absl::SimpleAtoi(count, &number) &&
      process == getpid()) {
    for (int i = 0; i < std::min(number, kMostInherited); ++i) {
      fcntl(kFirstInherited + i, F_SETFD, FD_CLOEXEC);
      sockets.emplace_back(kFirstInherited + i);
    }
  }
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) unsetenv(name);
  return sockets;
}

}  // namespace sallyport::gateway
