// Where a server listens, as people write it.
#include "replay/client/server_address.h"

#include <catch2/catch.hpp>
#include <string>

namespace sallyport::replay {
namespace {

TEST_CASE("an address is a host with a port, or a socket's path") {
  const ServerAddress host = ServerAddress::Parse("sallyport.example:50053").value();
  CHECK(host.target == "dns:///sallyport.example:50053");
  CHECK(host.authority == "sallyport.example:50053");
  CHECK_FALSE(host.local);
  CHECK_FALSE(host.socket);
  const ServerAddress socket = ServerAddress::Parse("unix:///var/lib/sallyport/api.sock").value();
  CHECK(socket.target == "unix:/var/lib/sallyport/api.sock");
  CHECK(socket.name == "unix:///var/lib/sallyport/api.sock");
  CHECK(socket.socket);
  CHECK(socket.local);
}

TEST_CASE("only what never leaves this machine is local") {
  for (const std::string text : {"localhost:1", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "unix:a"}) {
    CAPTURE(text);
    CHECK(ServerAddress::Parse(text).value().local);
  }
  for (const std::string text : {"127.0.0.1.example:1", "128.0.0.1:1", "[::2]:1", "10.0.0.1:1", "localhost.example:1",
                                 "0.0.0.0:1", "[::ffff:10.0.0.1]:1"}) {
    CAPTURE(text);
    CHECK_FALSE(ServerAddress::Parse(text).value().local);
  }
}

TEST_CASE("what is no address is refused, with the forms there are") {
  for (const std::string text :
       {"", "host", "host:", "host:0", "host:65536", "host:+1", ":1", "::1:1", "[::g]:1", "[host]:1", "-host:1",
        "http://host:1", "dns:///host:1", "ho st:1", "host:1\n", "unix:", "unix://", "a/b:1"}) {
    CAPTURE(text);
    const absl::Status status = ServerAddress::Parse(text).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK_THAT(std::string(status.message()), Catch::Contains("HOST:PORT"));
  }
  CHECK_FALSE(ServerAddress::Parse("unix:" + std::string(108, 'a')).ok());
  CHECK(ServerAddress::Parse("unix:" + std::string(107, 'a')).ok());
}

}  // namespace
}  // namespace sallyport::replay
