#include "gateway/listen_address.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sallyport::gateway {

TEST_CASE("what only this machine reaches is loopback") {
  for (const char* address : {
           "127.0.0.1:50050",
           "127.0.0.1:0",
           "127.0.0.1",
           "127.255.255.254:1",
           "[::1]:50050",
           "[::1]",
           "::1",
           "[0:0:0:0:0:0:0:1]:1",
           "[::ffff:127.0.0.1]:1",
           "[::ffff:7f00:1]:1",
           "localhost:50050",
           "localhost",
           "LocalHost:1",
           "a.localhost:1",
           "unix:/run/sallyport.sock",
           "unix:relative.sock",
           "unix:///run/x",
           "unix:/run/%20",
           "unix-abstract:name",
           "dns:localhost:1",
           "dns:///127.0.0.1:1",
           "dns:///[::1]:1",
           "dns://127.0.0.1:1",
       }) {
    INFO(address);
    CHECK(IsLoopback(address));
  }
}

TEST_CASE("what is no address to listen on is told as that, with what to write") {
  const std::vector<std::pair<const char*, const char*>> faults = {
      {"here", "is neither host:port nor unix:/path"},
      {"127.0.0.1:-1", "is no port, which is a number from 0 to 65535"},
      {"127.0.0.1:", "is no port"},
      {"127.0.0.1:99999", "is no port"},
      {"127.0.0.1:http", "is no port"},
      {"http://127.0.0.1:4444", "is neither host:port, such as 127.0.0.1:50050, nor unix:/path"},
      {"127.0.0.1:4444,127.0.0.1:4445",
       "is not one address: those have neither spaces nor commas (listen.addresses takes a list)"},
      {" 127.0.0.1:4444", "is not one address"},
      {"300.0.0.1:4444", "\"300.0.0.1\" is no address"},
      {"[::g]:4444", "\"::g\" is no address"},
      {"[::1%lo]:http", "is no port"},
      {"unix:", "the name of a UNIX socket has 1 to 107 bytes"},
      {"unix-abstract:", "the name of a UNIX socket has 1 to 107 bytes"},
      {"unix://run/x", "has two slashes before a name: write \"unix:/run/x\""},
      {"::1:4444", "an IPv6 address stands in brackets, such as \"[::1]:4444\""},
  };
  for (const auto& [address, fault] : faults) {
    INFO(address);
    CHECK(ListenFault(address).find(fault) != std::string::npos);
  }
  for (const char* address : {"127.0.0.1:0", "[::1]:50050", "[::]:1", ":50050", "localhost:65535", "example.test:1",
                              "dns:localhost:1", "unix:/run/a.sock", "unix-abstract:a", "[fe80::1%eth0]:1"}) {
    INFO(address);
    CHECK(ListenFault(address) == "");
  }
  CHECK(ListenFault("unix:/" + std::string(106, 'x')).empty());
  CHECK_FALSE(ListenFault("unix:/" + std::string(107, 'x')).empty());
}

TEST_CASE("what others may reach, and what cannot be told, is not loopback") {
  for (const char* address : {
           "",
           ":50050",
           "0.0.0.0:50050",
           "0.0.0.0",
           "[::]:50050",
           "::",
           "[0:0:0:0:0:0:0:0]:1",
           "10.0.0.1:1",
           "192.168.0.1:1",
           "128.0.0.1:1",
           "126.255.255.255:1",
           "1.0.0.127:1",
           "[fe80::1]:1",
           "[2001:db8::1]:1",
           "[::2]:1",
           "[::ffff:10.0.0.1]:1",
           "[::127.0.0.1]:1",
           "[::7f00:1]:1",
           "gateway.internal:50050",
           "localhost.example:1",
           "localhost.:1",
           ".localhost:1",
           "notlocalhost:1",
           "example/localhost:1",
           "dns:///gateway:1",
           "dns:0.0.0.0:1",
           "dns:///",
           "dns:",
           // Spellings that resolvers read as loopback, or gRPC as something else.
           "127.1:1",
           "127.0.1:1",
           "2130706433:1",
           "0x7f.0.0.1:1",
           "0177.0.0.1:1",
           "127.0.0.1.:1",
           " 127.0.0.1:1",
           "%31%32%37.0.0.1:1",
           "0.0.0.0%00:1",
           "un%69x:/run/x",
           "[::1%25lo]:1",
           "[::1%lo]:1",
           "127.0.0.1:http",
           "127.0.0.1:",
           "127.0.0.1:1:2",
           "[::1:1",
           "[::1]1",
           "[::1]x:1",
           "[]:1",
           "ipv4:127.0.0.1:1",
           "ipv6:[::1]:1",
           "vsock:1:1",
           "external:127.0.0.1:1",
           "Unix:/run/x",
           "unix",
           "unixx:/run",
       }) {
    INFO(address);
    CHECK_FALSE(IsLoopback(address));
  }
  CHECK_FALSE(IsLoopback(std::string("127.0.0.1\0.example:1", 20)));
}

TEST_CASE("a name stands for each of its addresses, and a number for itself") {
  for (const char* address :
       {"127.0.0.1:5", "0.0.0.0:5", "[::1]:5", "unix:/run/x", "localhost", "no-such-host.invalid:5", "[::1"}) {
    CHECK(NumericAddresses(address) == std::vector<std::string>{address});
  }
  const std::vector<std::string> local = NumericAddresses("localhost:5");
  REQUIRE_FALSE(local.empty());
  for (const std::string& address : local) {
    CHECK((address == "127.0.0.1:5" || address == "[::1]:5"));
    CHECK(std::count(local.begin(), local.end(), address) == 1);
  }
  CHECK(WithPort("localhost:0", 17) == "localhost:17");
  CHECK(WithPort("[::1]:0", 17) == "[::1]:17");
  CHECK(WithPort("unix:/run/x:0", 17) == "unix:/run/x:0");
}

}  // namespace sallyport::gateway
