// What the gateway knows about an upstream's connections: names, limits, and the sockets of its own process.
#include "gateway/upstream/connections/connections.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <thread>

#include "gateway/upstream/authority.h"
#include "gateway/upstream/connections/socket_keepalive.h"
#include "gateway/upstream/connections/stream_limit.h"

namespace sallyport::gateway {
namespace {

using namespace std::string_view_literals;

// A listening socket of 127.0.0.1, and one connection to it.
struct Connection {
  Connection() {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener, 4) == 0);
    REQUIRE(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
    REQUIRE(connect(near, reinterpret_cast<sockaddr*>(&address), size) == 0);
    far = accept(listener, nullptr, nullptr);
    REQUIRE(far >= 0);
  }
  ~Connection() {
    for (const int socket : {listener, near, far}) close(socket);
  }
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int near = socket(AF_INET, SOCK_STREAM, 0);
  int far = -1;
  int port = 0;
};

int OptionOf(int socket, int level, int option) {
  int value = -1;
  socklen_t size = sizeof(value);
  REQUIRE(getsockopt(socket, level, option, &value, &size) == 0);
  return value;
}

// Answers one connection with these bytes; what comes is read and dropped.
absl::StatusOr<uint32_t> LimitOfServerThatSays(std::string_view bytes) {
  const Connection connection;
  std::thread server([&] {
    const int peer = accept(connection.listener, nullptr, nullptr);
    static_cast<void>(!write(peer, bytes.data(), bytes.size()));
    shutdown(peer, SHUT_WR);
    char dropped[256];
    while (read(peer, dropped, sizeof(dropped)) > 0) {
    }
    close(peer);
  });
  const auto address = SocketAddress::Tcp("\x7f\0\0\1"sv, connection.port);
  auto limit = AskStreamLimit(*address, nullptr, absl::Seconds(20));
  server.join();
  return limit;
}

TEST_CASE("a server's limit is in the SETTINGS that it sends first") {
  CHECK(StreamLimitIn("").value() == kNoStreamLimit);
  CHECK(StreamLimitIn("\0\3\0\0\0\5"sv).value() == 5u);
  CHECK(StreamLimitIn("\0\4\0\0\xff\xff\0\3\x12\x34\x56\x78"sv).value() == 0x12345678u);
  CHECK(StreamLimitIn("\0\3\0\0\0\5\0\3\0\0\0\7"sv).value() == 7u);
  CHECK(StreamLimitIn("\0\3\0\0\0\0"sv).value() == 0u);
  CHECK_FALSE(StreamLimitIn("\0\3\0\0\0"sv).ok());
  CHECK(LimitOfServerThatSays("\0\0\6\4\0\0\0\0\0\0\3\0\0\0\5"sv).value() == 5u);
  CHECK(LimitOfServerThatSays("\0\0\0\4\0\0\0\0\0"sv).value() == kNoStreamLimit);
  CHECK(LimitOfServerThatSays("HTTP/1.1 400 Bad Request\r\n\r\n").status().code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(LimitOfServerThatSays("\0\0\6\4\0\0\0\0\0\0\3"sv).status().code() == absl::StatusCode::kUnavailable);
  CHECK(LimitOfServerThatSays("\xff\xff\xff\4\0\0\0\0\0"sv).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(LimitOfServerThatSays("").status().code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("a server that begins with no calls and soon allows some has the limit that it then states") {
  constexpr auto kNone = "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\0"sv;
  constexpr auto kPing = "\0\0\10\6\0\0\0\0\0\0\0\0\0\0\0\0\0"sv;
  constexpr auto kWindow = "\0\0\6\4\0\0\0\0\0\0\4\0\0\xff\xff"sv;
  constexpr auto kFive = "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\5"sv;
  const auto all = [](std::initializer_list<std::string_view> frames) {
    std::string bytes;
    for (const std::string_view frame : frames) bytes += frame;
    return bytes;
  };
  CHECK(LimitOfServerThatSays(all({kNone, kPing, kWindow, kFive})).value() == 5u);
  CHECK(LimitOfServerThatSays(all({kNone, kPing})).value() == 0u);
  CHECK(LimitOfServerThatSays(kNone).value() == 0u);
}

TEST_CASE("a server that does not answer is not waited for") {
  const Connection silent;
  const auto address = SocketAddress::Tcp("\x7f\0\0\1"sv, silent.port);
  CHECK(AskStreamLimit(*address, nullptr, absl::Milliseconds(200)).status().code() ==
        absl::StatusCode::kDeadlineExceeded);
}

TEST_CASE("TCP keepalive is turned on for the sockets that are meant, and for no other") {
  const Connection meant;
  const Connection other;
  const ChannelSocket socket{1, SocketAddress::LocalOf(meant.near), SocketAddress::RemoteOf(meant.near)};
  KeepAlive({socket}, absl::Seconds(9));
  CHECK(OptionOf(meant.near, SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(OptionOf(meant.near, IPPROTO_TCP, TCP_KEEPIDLE) == 9);
  CHECK(OptionOf(meant.near, IPPROTO_TCP, TCP_KEEPINTVL) == 3);
  CHECK(OptionOf(meant.near, IPPROTO_TCP, TCP_USER_TIMEOUT) == 9000);
  for (const int untouched : {meant.far, other.near, other.far}) {
    CHECK(OptionOf(untouched, SOL_SOCKET, SO_KEEPALIVE) == 0);
  }
}

TEST_CASE("addresses compare whichever way they are written") {
  const auto plain = SocketAddress::Tcp("\x7f\0\0\1"sv, 80);
  const auto mapped = SocketAddress::Tcp("\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1"sv, 80);
  CHECK(plain == mapped);
  CHECK_FALSE(plain == SocketAddress::Tcp("\x7f\0\0\1"sv, 81));
  CHECK(plain->ToString() == "127.0.0.1:80");
  CHECK(SocketAddress::Tcp(std::string(15, '\0') + "\1", 443)->ToString() == "[::1]:443");
  CHECK(SocketAddress::Unix("/run/x.sock")->ToString() == "unix:/run/x.sock");
  CHECK_FALSE(SocketAddress::Tcp("abc", 80).has_value());
  CHECK_FALSE(SocketAddress::Unix(std::string(200, 'x')).has_value());
}

TEST_CASE("what an upstream may be sent as authority") {
  for (const char* good :
       {"payments", "payments:443", "pay.example", "my_service:50051", "127.0.0.1:1", "[::1]:50051", "[2001:db8::1]"}) {
    INFO(good);
    CHECK(IsAuthority(good));
  }
  for (const char* bad : {"", "%2Frun%2Fx.sock", "/run/x.sock", "a b", "user@host", "host:", "host:70000", "host:4x",
                          "[::1", "[nonsense]:1", "[::1]x", "::1", ":443", "a/b", "a,b"}) {
    INFO(bad);
    CHECK_FALSE(IsAuthority(bad));
  }
  CHECK_FALSE(IsAuthority(std::string(300, 'a')));
}

TEST_CASE("what targets stand for") {
  CHECK(TargetAuthority("dns:///etcd:2379") == "etcd:2379");
  CHECK(TargetAuthority("dns://10.0.0.2:53/etcd:2379") == "etcd:2379");
  CHECK(TargetAuthority("dns:etcd:2379") == "etcd:2379");
  CHECK(TargetAuthority("etcd:2379") == "etcd:2379");
  CHECK(TargetAuthority("ipv4:127.0.0.1:1") == "127.0.0.1:1");
  CHECK(HostOf("etcd:2379") == "etcd");
  CHECK(HostOf("[::1]:2379") == "::1");
  CHECK(HostOf("::1") == "::1");
  CHECK(IsName("etcd:2379"));
  CHECK(IsName("dns:///etcd:2379"));
  CHECK(IsName("localhost:1"));
  for (const char* address : {"127.0.0.1:1", "[::1]:1", "ipv4:127.0.0.1:1", "ipv6:[::1]:1", "unix:/run/x",
                              "unix-abstract:x", "dns:///10.0.0.1:1"}) {
    INFO(address);
    CHECK_FALSE(IsName(address));
  }
}

}  // namespace
}  // namespace sallyport::gateway
