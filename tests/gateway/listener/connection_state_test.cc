// How a socket tells a caller that cancelled from one that is gone.
#include "gateway/listener/connection_state.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

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
  while (StateOfSocket(socket) != state && absl::Now() < limit) absl::SleepFor(absl::Milliseconds(1));
  return StateOfSocket(socket) == state;
}

}  // namespace

TEST_CASE("a connection over which something has just come is there, read or not") {
  TcpPair pair;
  // Again and again, for this thread may sleep between the two.
  const absl::Time limit = absl::Now() + absl::Seconds(30);
  do {
    REQUIRE(send(pair.theirs, "x", 1, 0) == 1);
  } while (StateOfSocket(pair.ours) != ConnectionState::kThere && absl::Now() < limit);
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
  CHECK(StateOfSocket(sockets[0]) == ConnectionState::kThere);
  close(sockets[1]);
  CHECK(Becomes(sockets[0], ConnectionState::kClosed));
  close(sockets[0]);
}

TEST_CASE("nothing is said of what is no open socket") {
  CHECK(StateOfSocket(-1) == ConnectionState::kUnknown);
  const int closed = dup(0);
  close(closed);
  CHECK(StateOfSocket(closed) == ConnectionState::kUnknown);
}

}  // namespace sallyport::gateway
