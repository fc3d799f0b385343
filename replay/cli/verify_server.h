// The record of a server, verified there.
#ifndef SALLYPORT_REPLAY_CLI_VERIFY_SERVER_H_
#define SALLYPORT_REPLAY_CLI_VERIFY_SERVER_H_

#include <string>

#include "replay/cli/command.h"

namespace sallyport::replay {

// Has the server at `server` verify its store, checks the signatures of its newest checkpoints here, against `key` or
// else the key that the server names, and prints what came of both. kNegative if something is not in order.
ExitCode VerifyServer(const CommandContext& context, const std::string& server, const std::string& key, bool json);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_VERIFY_SERVER_H_
