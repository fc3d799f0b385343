// Where a gateway's audit service listens, as people write it.
#ifndef SALLYPORT_REPLAY_CLIENT_SERVER_ADDRESS_H_
#define SALLYPORT_REPLAY_CLIENT_SERVER_ADDRESS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sallyport::replay {

// A value.
struct ServerAddress {
  std::string name;       // as it was written; the token file knows the server by it
  std::string target;     // in gRPC's notation
  std::string authority;  // what the server is asked for as
  bool socket = false;    // a UNIX socket, whose other end sees who asks
  bool local = false;     // a socket, or an address that never leaves this machine

  // "HOST:PORT", "[IPV6]:PORT" or "unix:PATH". INVALID_ARGUMENT says what is wrong and which forms there are.
  static absl::StatusOr<ServerAddress> Parse(std::string_view text);
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLIENT_SERVER_ADDRESS_H_
