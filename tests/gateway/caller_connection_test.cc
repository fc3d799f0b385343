// How a socket tells a caller that cancelled from one that is gone.
#include "gateway/relay/caller_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace sallyport::gateway {
namespace {

// A connection over loopback; `ours` is the accepted end.
struct TcpPair {
  TcpPair() {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener, 1) == 0);
    REQUIRE(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    theirs = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(connect(theirs, reinterpret_cast<sockaddr*>(&address), size) == 0);
    ours = accept(listener, nullptr, nullptr);
    REQUIRE(ours >= 0);
    close(listener);
  }
  ~TcpPair() {
    close(ours);
    if (theirs >= 0) close(theirs);
  }
  void CloseTheirs() {
    close(theirs);
    theirs = -1;
  }
  int ours = -1;
  int theirs = -1;
};

bool Becomes(int socket, ConnectionState state) {
  const absl::Time limit = absl::Now() + absl::Seconds(30);
  while (StateOfConnection(socket) != state && absl::Now() < limit) absl::SleepFor(absl::Milliseconds(1));
  return StateOfConnection(socket) == state;
}

}  // namespace

TEST_CASE("a connection over which something has just come is there, read or not") {
  TcpPair pair;
  // Again and again, for this thread may sleep between the two.
  const absl::Time limit = absl::Now() + absl::Seconds(30);
  do {
    REQUIRE(send(pair.theirs, "x", 1, 0) == 1);
  } while (StateOfConnection(pair.ours) != ConnectionState::kThere && absl::Now() < limit);
  CHECK(absl::Now() < limit);
}

TEST_CASE("a connection that its caller closes is closed, whatever it sent before") {
  TcpPair pair;
  REQUIRE(send(pair.theirs, "x", 1, 0) == 1);
  pair.CloseTheirs();
  CHECK(Becomes(pair.ours, ConnectionState::kClosed));
}

TEST_CASE("a connection that is reset is closed") {
  TcpPair pair;
  const linger at_once = {1, 0};
  setsockopt(pair.theirs, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  pair.CloseTheirs();
  CHECK(Becomes(pair.ours, ConnectionState::kClosed));
}

TEST_CASE("a connection that this side has shut down is closed") {
  TcpPair pair;
  shutdown(pair.ours, SHUT_RDWR);
  CHECK(Becomes(pair.ours, ConnectionState::kClosed));
}

TEST_CASE("a connection over which nothing comes any more is silent") {
  TcpPair pair;
  REQUIRE(send(pair.theirs, "x", 1, 0) == 1);
  CHECK(Becomes(pair.ours, ConnectionState::kSilent));
}

TEST_CASE("a UNIX socket is there until it is closed") {
  int sockets[2] = {-1, -1};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
  CHECK(StateOfConnection(sockets[0]) == ConnectionState::kThere);
  close(sockets[1]);
  CHECK(Becomes(sockets[0], ConnectionState::kClosed));
  close(sockets[0]);
}

TEST_CASE("nothing is said of what is no open socket") {
  CHECK(StateOfConnection(-1) == ConnectionState::kUnknown);
  const int closed = dup(0);
  close(closed);
  CHECK(StateOfConnection(closed) == ConnectionState::kUnknown);
}

namespace {

// What gRPC calls the other end of `socket`.
std::string PeerOf(int socket) {
  sockaddr_in address = {};
  socklen_t size = sizeof address;
  REQUIRE(getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return absl::StrCat("ipv4:127.0.0.1:", ntohs(address.sin_port));
}

}  // namespace

TEST_CASE("the socket of a caller's connection is found by the peer that gRPC tells") {
  CallerSockets sockets;
  TcpPair pair;
  const std::string peer = PeerOf(pair.ours);
  const absl::Time start = absl::Now();
  const absl::Time limit = start + absl::Seconds(30);
  do {
    REQUIRE(send(pair.theirs, "x", 1, 0) == 1);
  } while (sockets.StateOf(peer, start) != ConnectionState::kThere && absl::Now() < limit);
  CHECK(absl::Now() < limit);
  pair.CloseTheirs();
  while (sockets.StateOf(peer, start) != ConnectionState::kClosed && absl::Now() < limit) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  CHECK(absl::Now() < limit);
}

TEST_CASE("a peer that has no socket any more is gone, and one that nobody looked for yet is not") {
  CallerSockets sockets;
  std::string peer;
  const absl::Time start = absl::Now();
  {
    TcpPair pair;
    peer = PeerOf(pair.ours);
  }
  CHECK(sockets.StateOf(peer, start) == ConnectionState::kClosed);
  // A call that began after the look: another look, unless that is too soon.
  CHECK(sockets.StateOf(peer, absl::Now() + absl::Hours(1)) == ConnectionState::kUnknown);
}

TEST_CASE("peers are read as gRPC writes them") {
  CHECK(AddressOfPeer("ipv4:1.2.3.4:5") == std::string("\1\2\3\4\0\5", 6));
  CHECK(AddressOfPeer("ipv6:%5B::1%5D:5") == std::string(15, '\0') + std::string("\1\0\5", 3));
  CHECK(AddressOfPeer("ipv6:[::ffff:1.2.3.4]:5") == AddressOfPeer("ipv4:1.2.3.4:5"));
  for (const char* peer : {"", "unix:", "unix:/a:5", "fd:7", "ipv4:1.2.3.4", "ipv4:1.2.3:5", "ipv4:1.2.3.4:66666",
                           "ipv6:%5Bfe80::1%25eth0%5D:5", ":5", "ipv4:1.2.3.4:x"}) {
    CHECK(AddressOfPeer(peer) == std::nullopt);
  }
}

}  // namespace sallyport::gateway
