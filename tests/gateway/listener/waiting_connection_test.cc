#include "gateway/listener/waiting_connection.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <string>

#include "tests/gateway/listener/proxy_bytes.h"

namespace sallyport::gateway {
namespace {

using Progress = WaitingConnection::Progress;

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Both ends of a connection, one of which waits.
struct Ends {
  explicit Ends(WaitingConnection::Expects expects) {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    caller = Descriptor(ends[0]);
    waiting = WaitingConnection(Descriptor(ends[1]), {}, SocketKind::kTcp, expects, absl::InfiniteFuture());
  }
  void Send(const std::string& bytes) {
    REQUIRE(send(caller.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  // What is left for gRPC to read.
  std::string Rest() {
    char bytes[256];
    const ssize_t got = recv(waiting.fd(), bytes, sizeof bytes, MSG_DONTWAIT);
    return got < 0 ? "" : std::string(bytes, static_cast<size_t>(got));
  }
  Descriptor caller;
  WaitingConnection waiting;
};

}  // namespace

TEST_CASE("a header that comes byte by byte is read to its end, and nothing beyond") {
  Ends ends({.proxy_header = true});
  const std::string header = testing::ProxiedCaller(9, std::string("\4\0\3abc", 6));
  for (const char byte : header) {
    CHECK(*ends.waiting.GoOn() == Progress::kWaits);
    ends.Send(std::string(1, byte));
  }
  ends.Send(kPreface);
  REQUIRE(*ends.waiting.GoOn() == Progress::kReady);
  CHECK(PeerText(*ends.waiting.caller()) == "ipv4:203.0.113.9:4660");
  CHECK(ends.Rest() == kPreface);
}

TEST_CASE("a header and what follows in one packet are told apart") {
  Ends ends({.proxy_header = true, .preface = true});
  ends.Send(testing::ProxiedCaller(9) + kPreface + "more");
  REQUIRE(*ends.waiting.GoOn() == Progress::kReady);
  CHECK(ends.Rest() == std::string(kPreface) + "more");
}

TEST_CASE("a preface is looked at and left there") {
  Ends ends({.preface = true});
  CHECK(*ends.waiting.GoOn() == Progress::kWaits);
  ends.Send(std::string(kPreface).substr(0, 10));
  CHECK(*ends.waiting.GoOn() == Progress::kWaits);
  ends.Send(std::string(kPreface).substr(10));
  CHECK(*ends.waiting.GoOn() == Progress::kReady);
  CHECK(ends.Rest() == kPreface);
}

TEST_CASE("what is something else is turned away as soon as that is clear") {
  for (const std::string bytes : {"P", "PR", "PRO", "PROXY ", "\r", "\r\n\r\n"}) {
    Ends ends({.proxy_header = true});
    ends.Send(bytes);
    INFO(bytes);
    CHECK(*ends.waiting.GoOn() == Progress::kWaits);
  }
  for (const std::string bytes : {"G", "PRI", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n", "\x16\x03\x01", "\r\n\r\n\r"}) {
    Ends ends({.proxy_header = true});
    ends.Send(bytes);
    INFO(bytes);
    CHECK(absl::IsInvalidArgument(ends.waiting.GoOn().status()));
  }
  Ends http1({.preface = true});
  http1.Send("GET /");
  CHECK(absl::IsInvalidArgument(http1.waiting.GoOn().status()));
}

TEST_CASE("a connection that its other end has closed is of no use") {
  for (const std::string bytes : {"", "\r\n\r\n"}) {
    Ends ends({.proxy_header = true});
    if (!bytes.empty()) ends.Send(bytes);
    ends.caller = Descriptor();
    CHECK(absl::IsUnavailable(ends.waiting.GoOn().status()));
  }
}

}  // namespace sallyport::gateway
