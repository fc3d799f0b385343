// Which record a command reads: a data directory's, or a server's.
#ifndef SALLYPORT_REPLAY_CLI_RECORD_OPTIONS_H_
#define SALLYPORT_REPLAY_CLI_RECORD_OPTIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "replay/cli/command.h"

namespace sallyport::replay {

// What AddDataOption adds, and `--server`, `--token`, `--tls-ca`, `--tls-cert`, `--tls-key` and `--plaintext`, with the
// environment variables SALLYPORT_SERVER and SALLYPORT_TOKEN behind them. OpenRecord then opens either.
void AddRecordOptions(CLI::App* command, CommandContext* context);

// The server that the command line names, or else the environment; empty if a data directory is meant. What is typed
// counts before the environment. INVALID_ARGUMENT if both are typed, or options for a server without one.
absl::StatusOr<std::string> ServerOf(const CommandContext& context);

// The record at the server. Errors are those of ReadServerOptions and RemoteSource::Create.
absl::StatusOr<std::unique_ptr<CallSource>> OpenServer(const CommandContext& context, const std::string& server);

// How people call the place of the record: the data directory, or the server.
std::string PlaceOf(const CommandContext& context);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_RECORD_OPTIONS_H_
