#include "gateway/listener/listening_socket.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/gateway/temporary_directory.h"

namespace sallyport::gateway {
namespace {

using Sockets = absl::StatusOr<std::vector<ListeningSocket>>;

Sockets Listen(const std::string& address) {
  std::vector<Descriptor> none;
  return ListenOn(address, none);
}

bool Connects(const SocketName& address) {
  const Descriptor socket(::socket(address.family(), SOCK_STREAM, 0));
  return connect(socket.get(), address.get(), address.length) == 0;
}

SocketName Resolved(const std::string& address) {
  const auto addresses = ResolveListenAddress(address);
  INFO(addresses.status().ToString());
  REQUIRE(addresses.ok());
  return addresses->front();
}

bool HasIpv6() { return Listen("[::1]:0").ok(); }

}  // namespace

TEST_CASE("port 0 is a free port, and a port that somebody listens on is an error") {
  const Sockets first = Listen("127.0.0.1:0");
  REQUIRE(first.ok());
  REQUIRE(first->size() == 1);
  const SocketName address = first->front().address();
  CHECK(address.port() > 0);
  CHECK(Connects(address));
  const Sockets second = Listen(AddressText(address));
  REQUIRE_FALSE(second.ok());
  CHECK(std::string(second.status().message()).find(AddressText(address)) != std::string::npos);
}

TEST_CASE("all addresses of a name have one port") {
  const Sockets sockets = Listen("localhost:0");
  REQUIRE(sockets.ok());
  std::set<std::string> texts;
  for (const ListeningSocket& socket : *sockets) {
    CHECK(socket.address().port() == sockets->front().address().port());
    CHECK(Connects(socket.address()));
    texts.insert(AddressText(socket.address()));
  }
  CHECK(texts.size() == sockets->size());
}

TEST_CASE("what stands for every address takes both families") {
  const std::string wildcard = GENERATE(std::string("0.0.0.0:0"), std::string("[::]:0"));
  const Sockets sockets = Listen(wildcard);
  INFO(sockets.status().ToString());
  REQUIRE(sockets.ok());
  REQUIRE(sockets->size() == 1);
  SocketName v4 = Resolved("127.0.0.1:1");
  v4.set_port(sockets->front().address().port());
  CHECK(Connects(v4));
  if (!HasIpv6()) return;
  SocketName v6 = Resolved("[::1]:1");
  v6.set_port(v4.port());
  CHECK(Connects(v6));
}

TEST_CASE("what is no address says so") {
  for (const char* address :
       {"", "127.0.0.1", "::1:5", "[::1]5", "[::1:5", "unix:", "host:", "no-such-host.invalid:1", "127.0.0.1:65536x"}) {
    INFO(address);
    const Sockets sockets = Listen(address);
    CHECK_FALSE(sockets.ok());
    CHECK_FALSE(sockets.status().message().empty());
  }
  CHECK_FALSE(Listen("unix:/" + std::string(200, 'x')).ok());
}

TEST_CASE("addresses are read as gRPC reads them") {
  CHECK(AddressText(Resolved("dns:///127.0.0.1:7")) == "127.0.0.1:7");
  CHECK(AddressText(Resolved("ipv4:127.0.0.1:7")) == "127.0.0.1:7");
  CHECK(AddressText(Resolved("ipv6:[::1]:7")) == "[::1]:7");
  CHECK(AddressText(Resolved("unix:/run/a%20b")) == "unix:/run/a b");
  CHECK(AddressText(Resolved("unix:///run/x")) == "unix:/run/x");
  CHECK(AddressText(Resolved("unix-abstract:a")) == "unix-abstract:a");
  CHECK(PeerText(Resolved("[::1]:7")) == "ipv6:%5B::1%5D:7");
  CHECK(PeerText(Resolved("[::ffff:1.2.3.4]:7")) == "ipv4:1.2.3.4:7");
  CHECK(PeerText(Resolved("unix:/run/a%20b")) == "unix:/run/a%20b");
}

TEST_CASE("a UNIX socket that somebody serves on is not taken over, and one that was left is") {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/socket";
  const std::string address = "unix:" + path;
  SECTION("another gateway serves") {
    std::optional<Sockets> first = Listen(address);
    REQUIRE(first->ok());
    CHECK_FALSE(Listen(address).ok());
    CHECK(Connects(Resolved(address)));
    first = std::nullopt;
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(Listen(address).ok());
  }
  SECTION("another program serves") {
    const Descriptor other(::socket(AF_UNIX, SOCK_STREAM, 0));
    const SocketName name = Resolved(address);
    REQUIRE(bind(other.get(), name.get(), name.length) == 0);
    REQUIRE(listen(other.get(), 1) == 0);
    const Sockets refused = Listen(address);
    REQUIRE_FALSE(refused.ok());
    CHECK(std::string(refused.status().message()).find("somebody else") != std::string::npos);
    // Also when it is too busy to answer.
    std::vector<Descriptor> queue;
    for (int i = 0; i < 3; ++i) {
      queue.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
      static_cast<void>(connect(queue.back().get(), name.get(), name.length));
    }
    CHECK_FALSE(Listen(address).ok());
    CHECK(std::filesystem::exists(path));
  }
  SECTION("nobody serves any more") {
    {
      const Descriptor gone(::socket(AF_UNIX, SOCK_STREAM, 0));
      const SocketName name = Resolved(address);
      REQUIRE(bind(gone.get(), name.get(), name.length) == 0);
    }
    REQUIRE(std::filesystem::exists(path));
    const Sockets taken = Listen(address);
    INFO(taken.status().ToString());
    REQUIRE(taken.ok());
    CHECK(Connects(Resolved(address)));
  }
  SECTION("a file of that name stays") {
    std::ofstream(path) << "precious";
    CHECK_FALSE(Listen(address).ok());
    CHECK(std::filesystem::file_size(path) == 8);
  }
  SECTION("who was replaced by hand does not take the other's path away") {
    std::optional<Sockets> first = Listen(address);
    REQUIRE(first->ok());
    std::filesystem::remove(path);
    const Descriptor other(::socket(AF_UNIX, SOCK_STREAM, 0));
    const SocketName name = Resolved(address);
    REQUIRE(bind(other.get(), name.get(), name.length) == 0);
    first = std::nullopt;
    CHECK(std::filesystem::exists(path));
  }
}

TEST_CASE("sockets that were handed over are taken where an address asks for them") {
  const auto given = [](const std::string& address) {
    const SocketName name = Resolved(address);
    Descriptor socket(::socket(name.family(), SOCK_STREAM, 0));
    REQUIRE(bind(socket.get(), name.get(), name.length) == 0);
    REQUIRE(listen(socket.get(), 5) == 0);
    return socket;
  };
  std::vector<Descriptor> inherited;
  inherited.push_back(given("127.0.0.1:0"));
  const int number = inherited.front().get();
  SECTION("by its address") {
    SocketName name;
    name.length = sizeof name.storage;
    REQUIRE(getsockname(number, name.get(), &name.length) == 0);
    const Sockets sockets = ListenOn(AddressText(name), inherited);
    REQUIRE(sockets.ok());
    CHECK(sockets->front().fd() == number);
    CHECK(inherited.empty());
  }
  SECTION("all that are left") {
    inherited.push_back(given("unix-abstract:sallyport-listening-socket-test"));
    const Sockets sockets = ListenOn(kInherited, inherited);
    REQUIRE(sockets.ok());
    CHECK(sockets->size() == 2);
    CHECK_FALSE(ListenOn(kInherited, inherited).ok());
  }
  SECTION("one that does not listen is an error") {
    inherited.clear();
    inherited.emplace_back(::socket(AF_INET, SOCK_STREAM, 0));
    CHECK_FALSE(ListenOn(kInherited, inherited).ok());
  }
  SECTION("another address leaves it alone") {
    const Sockets sockets = ListenOn("127.0.0.1:0", inherited);
    REQUIRE(sockets.ok());
    CHECK(sockets->front().fd() != number);
    CHECK(inherited.size() == 1);
  }
}

}  // namespace sallyport::gateway
