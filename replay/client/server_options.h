// What the command line and the environment say of a server.
#ifndef SALLYPORT_REPLAY_CLIENT_SERVER_OPTIONS_H_
#define SALLYPORT_REPLAY_CLIENT_SERVER_OPTIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "replay/client/remote_source.h"

namespace sallyport::replay {

// What was typed; empty: not given. A value.
struct ServerOptions {
  std::string server;
  std::string token_file;
  std::string authorities_file;
  std::string certificates_file;
  std::string private_key_file;
  bool plaintext = false;

  // True if anything but `server` was given.
  bool any_detail() const {
    return plaintext ||
           !(token_file.empty() && authorities_file.empty() && certificates_file.empty() && private_key_file.empty());
  }
};

// Reads the files that are named. Where no token file is, the token is that of the variable SALLYPORT_TOKEN, or else
// the one in the user's token file, if there is one for this server; a UNIX socket needs none, and gets none of the
// latter. Whoever is not on this machine is asked with TLS, unless `plaintext`. INVALID_ARGUMENT names the option that
// is wrong, FAILED_PRECONDITION the file that others may write or, of the user's own, read, UNAUTHENTICATED a kept
// token that has expired by `now`.
absl::StatusOr<RemoteOptions> ReadServerOptions(const ServerOptions& options, absl::Time now);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLIENT_SERVER_OPTIONS_H_
