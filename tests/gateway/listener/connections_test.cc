#include "gateway/listener/connections.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "gateway/listener/descriptor.h"

namespace sallyport::gateway {
namespace {

using Added = Connections::Added;

Descriptor Socket() { return Descriptor(socket(AF_INET, SOCK_STREAM, 0)); }

SocketName Host(const std::string& address) {
  SocketName host;
  auto& v4 = reinterpret_cast<sockaddr_in&>(host.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(host.storage);
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    host.length = sizeof v4;
  } else {
    REQUIRE(inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1);
    v6.sin6_family = AF_INET6;
    host.length = sizeof v6;
  }
  host.set_port(17);
  return host;
}

}  // namespace

TEST_CASE("a connection counts until its descriptor is closed, also if another takes the number") {
  Connections connections(10, 10);
  Descriptor first = Socket();
  const int number = first.get();
  REQUIRE(connections.Add(number, "ipv4:1.1.1.1:1", "ipv4:9.9.9.9:9", nullptr) == Added::kAdded);
  CHECK(connections.Find("ipv4:1.1.1.1:1")->peer() == "ipv4:9.9.9.9:9");
  CHECK_FALSE(connections.Sweep());
  CHECK(connections.size() == 1);
  const SocketName host = Host("10.0.0.1");
  REQUIRE(dup2(Socket().get(), number) == number);
  CHECK(connections.Sweep());
  CHECK(connections.size() == 0);
  CHECK(connections.Find("ipv4:1.1.1.1:1") == nullptr);
  REQUIRE(connections.Add(number, "ipv4:1.1.1.1:2", "x", &host) == Added::kAdded);
  first = Descriptor();
  CHECK(connections.Sweep());
  CHECK(connections.size() == 0);
}

TEST_CASE("the state of a connection is that of its own socket, and no other that has its number") {
  int ends[2] = {-1, -1};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);
  Connections connections(10, 10);
  REQUIRE(connections.Add(ours.get(), "unix:1", "unix:", nullptr) == Added::kAdded);
  const auto connection = connections.Find("unix:1");
  CHECK(connection->State() == ConnectionState::kThere);
  int others[2] = {-1, -1};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, others) == 0);
  const Descriptor other(others[0]);
  const Descriptor end(others[1]);
  REQUIRE(dup2(other.get(), ours.get()) == ours.get());
  CHECK(connection->State() == ConnectionState::kClosed);
}

TEST_CASE("two connections that gRPC could not tell apart are not there at once") {
  Connections connections(10, 10);
  Descriptor first = Socket();
  const Descriptor second = Socket();
  REQUIRE(connections.Add(first.get(), "ipv4:1.1.1.1:1", "a", nullptr) == Added::kAdded);
  CHECK(connections.Add(second.get(), "ipv4:1.1.1.1:1", "b", nullptr) == Added::kPeerInUse);
  CHECK(connections.size() == 1);
  first = Descriptor();
  CHECK(connections.Add(second.get(), "ipv4:1.1.1.1:1", "b", nullptr) == Added::kPeerInUse);
  CHECK(connections.Sweep());
  CHECK(connections.Add(second.get(), "ipv4:1.1.1.1:1", "b", nullptr) == Added::kAdded);
  CHECK(connections.Find("ipv4:1.1.1.1:1")->peer() == "b");
}

TEST_CASE("connections are bounded in all and by address") {
  Connections connections(6, 2);
  std::vector<Descriptor> open;
  const auto add = [&](const std::string& host) {
    open.push_back(Socket());
    const SocketName address = Host(host);
    return connections.Add(open.back().get(), absl::StrCat("p", open.size()), "x", &address);
  };
  CHECK(add("10.0.0.1") == Added::kAdded);
  CHECK(add("10.0.0.1") == Added::kAdded);
  CHECK(add("10.0.0.1") == Added::kTooManyOfPeer);
  CHECK(add("::ffff:10.0.0.1") == Added::kTooManyOfPeer);
  CHECK(add("10.0.0.2") == Added::kAdded);
  CHECK(add("2001:db8:0:1::1") == Added::kAdded);
  CHECK(add("2001:db8:0:1:ffff::2") == Added::kAdded);
  CHECK(add("2001:db8:0:1::3") == Added::kTooManyOfPeer);
  CHECK(add("2001:db8:0:2::1") == Added::kAdded);
  CHECK(add("10.0.0.3") == Added::kTooMany);
  open[0] = Descriptor();
  CHECK(connections.Sweep());
  CHECK(add("10.0.0.1") == Added::kAdded);
}

TEST_CASE("open calls of a connection are counted, and their places given back once") {
  const auto connection = std::make_shared<Connection>(1, "x", -1, 0);
  OpenCall one(connection);
  OpenCall other;
  other = OpenCall(connection);
  CHECK(one.place() == 1);
  CHECK(other.place() == 2);
  one.End();
  one.End();
  CHECK(connection->open_calls() == 1);
  {
    const OpenCall moved(std::move(other));
    CHECK(connection->open_calls() == 1);
  }
  CHECK(connection->open_calls() == 0);
  CHECK(OpenCall(nullptr).place() == 0);
}

}  // namespace sallyport::gateway
