// What is told about targets that gRPC would take for something else than was meant.
#include "protos/grpc_target.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sallyport {
namespace {

TEST_CASE("what gRPC connects to is a target") {
  for (const char* good : {"etcd:2379",
                           "dns:etcd:2379",
                           "dns:/etcd:2379",
                           "dns:///etcd:2379",
                           "dns:///[::1]:2379",
                           "dns://8.8.8.8:53/etcd:2379",
                           "dns://[2001:db8::1]:53/etcd:2379",
                           "ipv4:127.0.0.1:1",
                           "ipv4:127.0.0.1:1,127.0.0.2:2,",
                           "ipv4:///127.0.0.1:1",
                           "ipv6:[::1]:50051",
                           "ipv6:[::1]:1,[fe80::1%25lo]:2",
                           "[::1]:443",
                           "[fe80::1%lo]:443",
                           "127.0.0.1:65535",
                           "a-b.c_d.example.:1",
                           "localhost:65535",
                           "unix:/run/a:99999",
                           "unix:///run/x",
                           "unix:x",
                           "unix:/run/%3F",
                           "unix-abstract:a:b",
                           "xds:///x",
                           "xds://authority/x?y",
                           "google-c2p:///x",
                           "http:80",
                           "\xc3\xa9t\xc3\xa9.example:443"}) {
    CAPTURE(good);
    CHECK(TargetFault(good).empty());
  }
}

TEST_CASE("what gRPC would take for something else is told with what to write") {
  const std::vector<std::pair<std::string, std::string>> faults = {
      // URLs, and what is left of them.
      {"http://etcd:2379", " is a URL, which gRPC takes for a name: write \"etcd:2379\""},
      {"https://etcd:2379/v3", " is a URL, which gRPC takes for a name: write \"etcd:2379\", and tls: {} beside it"},
      {"HTTPS://etcd", " is a URL, which gRPC takes for a name: write \"etcd:443\", and tls: {} beside it"},
      {"http://[::1]/", " is a URL, which gRPC takes for a name: write \"[::1]:80\""},
      {"grpc://etcd", " is a URL, which gRPC takes for a name: write \"etcd:PORT\""},
      {"ftp://etcd:1",
       ": \"ftp\" is no scheme that gRPC knows: write \"host:port\", \"dns:///host:port\", \"ipv4:\", "
       "\"ipv6:\" or \"unix:\""},
      {"pay:443/path", " has a path, which targets have not: write \"pay:443\""},
      {"dns:///pay:443/", " has a path, which targets have not: write \"pay:443\""},
      {"pay:443?a=b", " has a ?, where gRPC ends it: write \"pay:443\""},
      {"unix:/run/a#b", " has a #, where gRPC ends it: write \"unix:/run/a\""},
      {"alice@pay:443", " has a user, which targets have not: write \"pay:443\", and give credentials beside it"},
      {"//pay:443", " has more slashes than one, or three, before the host: write \"dns:///host:port\""},
      {"dns:////pay:443", " has more slashes than one, or three, before the host: write \"dns:///host:port\""},
      // Spaces.
      {" pay:443", " has spaces around it: write \"pay:443\""},
      {"pay:443\n", " has spaces around it: write \"pay:443\""},
      {"pay: 443", " has a space in it: write \"host:port\""},
      // Name servers.
      {"dns://pay:443", " names a name server, and no host: write \"dns:///pay:443\""},
      {"dns://pay:443/", " names a name server, and no host: write \"dns:///pay:443\""},
      {"dns://8.8.8.8/pay:443",
       ": \"8.8.8.8\" is no name server, which is an address with a port: write "
       "\"dns://192.0.2.1:53/pay:443\", or \"dns:///pay:443\" to ask the system's"},
      {"dns:", " names no host: write \"dns:///host:port\""},
      {"DNS:///pay:443", " has a scheme in capitals, which gRPC does not know: write \"dns:///pay:443\""},
      // IPv6.
      {"::1:443",
       " has an IPv6 address without brackets, of which gRPC takes the port for a part: write "
       "\"[::1]:443\""},
      {"dns:///2001:db8::1:50051",
       " has an IPv6 address without brackets, of which gRPC takes the port for a part: "
       "write \"[2001:db8::1]:50051\""},
      {"::1", " is an IPv6 address without a port: write \"[::1]:443\" if 443 is meant"},
      {"[::1]", " has no port: write \"[::1]:443\" if 443 is meant"},
      {"[::1:443", " has a bracket that nothing closes: write \"[::1]:443\""},
      {"[::1]443", " has something else than a colon and a port behind its brackets"},
      {"[::g]:443", ": \"::g\" is no IPv6 address"},
      {"[pay]:443", " has brackets, which are for IPv6 addresses: write \"pay:443\""},
      {"a:b:c", " has more than one colon, and is no IPv6 address: write \"host:port\""},
      {"vsock:1:2", " has more than one colon, and is no IPv6 address: write \"host:port\""},
      // Ports.
      {"pay", " has no port: write \"pay:443\" if 443 is meant"},
      {"dns:///pay", " has no port: write \"pay:443\" if 443 is meant"},
      {"dns:53", " has no port: write \"53:443\" if 443 is meant"},
      {"pay:", " has a colon and no port: write \"pay:443\" if 443 is meant"},
      {"pay:0", ": \"0\" is no port: write a number from 1 to 65535"},
      {"pay:http", " has a word for a port: write \"pay:80\""},
      {"[::1]:https", " has a word for a port: write \"[::1]:443\""},
      {"pay:grpc", ": \"grpc\" is no port: write a number from 1 to 65535"},
      {"pay:+443", ": \"+443\" is no port: write a number from 1 to 65535"},
      {"pay:65536", ": \"65536\" is no port: write a number from 1 to 65535"},
      {"dns:///pay:99999", ": \"99999\" is no port: write a number from 1 to 65535"},
      {"ipv4:127.0.0.1:1,127.0.0.2:70000", ": \"70000\" is no port: write a number from 1 to 65535"},
      {"[::1]:99999999999999999999", ": \"99999999999999999999\" is no port: write a number from 1 to 65535"},
      {":443", " names no host: write \"host:port\""},
      // Addresses.
      {"300.0.0.1:443", ": \"300.0.0.1\" is no address"},
      {"127.1:443", ": \"127.1\" is no address"},
      {"pa*y:443", ": \"pa*y\" is no name of a host"},
      {"a:1,b:2",
       " is a list, which only addresses can be: write \"ipv4:192.0.2.1:443,192.0.2.2:443\" (or ipv6:), or "
       "one name that has several addresses"},
      {"ipv4:pay:443", " takes addresses, and \"pay:443\" has none of the kind: write \"pay:443\""},
      {"ipv4:[::1]:443", " takes addresses, and \"[::1]:443\" has none of the kind: write \"ipv6:[::1]:443\""},
      {"ipv6:127.0.0.1:443",
       " takes addresses, and \"127.0.0.1:443\" has none of the kind: write "
       "\"ipv4:127.0.0.1:443\""},
      {"ipv4://127.0.0.1:443", " has two slashes: write \"ipv4:127.0.0.1:443\""},
      {"ipv4:127.0.0.1", " has no port: write \"127.0.0.1:443\" if 443 is meant"},
      {"ipv4:", " names no address: write \"ipv4:192.0.2.1:443\""},
      // Sockets, and what is resolved by others.
      {"unix://run/x", " has two slashes before a name: write \"unix:/run/x\""},
      {"unix:", " names a socket with 0 bytes, and they have 1 to 107"},
      {"xds:", " names nothing: write \"xds:///name\""},
  };
  for (const auto& [target, told] : faults) {
    CAPTURE(target);
    std::string quoted = "\"" + target + "\"";
    if (target.back() == '\n') quoted = "\"pay:443\\n\"";
    CHECK(TargetFault(target) == quoted + told);
  }
  CHECK(
      TargetFault("unix:/" + std::string(107, 'x')).ends_with("names a socket with 108 bytes, and they have 1 to 107"));
  CHECK(TargetFault("").ends_with("names no host: write \"host:port\""));
}

}  // namespace
}  // namespace sallyport
