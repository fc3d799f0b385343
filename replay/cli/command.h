// What the commands of the command line share. Each command lives in a file of its own and is registered in main.cc.
#ifndef SALLYPORT_REPLAY_CLI_COMMAND_H_
#define SALLYPORT_REPLAY_CLI_COMMAND_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/keys/key_source.h"
#include "replay/client/server_options.h"
#include "replay/view/call_source.h"

namespace CLI {
class App;
class Validator;
}  // namespace CLI

namespace sallyport::replay {

enum class ExitCode {
  kFine = 0,
  kNegative = 1,       // done, and the answer is no: not equal, or nothing by that id
  kUsage = 2,          // the command line or the configuration is wrong
  kFailed = 3,         // it could not be done: no store, no permission, damage, no connection
  kInterrupted = 130,  // by Ctrl-C, as shells report it
};

// What the command line said. Constant once it is parsed; outlives the run of the command.
struct CommandContext {
  std::string data_directory = "./data";
  std::string keys;  // empty: the keyring beside the data directory
  // What was typed of a server, and the commands that take one (record_options.h).
  ServerOptions server;
  std::vector<const CLI::App*> record_commands;
  // Set by the command that was chosen; main calls it once the whole command line has been read.
  std::function<ExitCode()> run;
};

// `--data DIR` and `--keys SOURCE`, with the environment variables SALLYPORT_DATA and SALLYPORT_KEYS behind them.
void AddDataOption(CLI::App* command, CommandContext* context);

// Where the keys of the store come from. INVALID_ARGUMENT if --keys cannot be read.
absl::StatusOr<std::optional<recorder::KeySource>> KeysOf(const CommandContext& context);

// Whether there is a store at the data directory (recorder/format/store_check.h). NOT_FOUND says how to name another
// one.
absl::Status CheckStoreOf(const CommandContext& context);

// The record at the data directory, where NOT_FOUND says how to name another one; or at the server, where the command
// takes one (record_options.h) and one is named.
absl::StatusOr<std::unique_ptr<CallSource>> OpenRecord(const CommandContext& context);

// Says on stderr what went wrong: kUsage for INVALID_ARGUMENT, kFailed for the rest.
ExitCode ReportError(const absl::Status& status);

// Reads an id as people type it. INVALID_ARGUMENT explains what ids look like; `kind` is "call" or "session".
absl::StatusOr<uint64_t> ReadId(const std::string& text, const std::string& kind);

// An id in messages as it was typed, with what it was read as where that differs: 'alpha' may have been meant as a
// name.
std::string TypedId(const std::string& text, uint64_t id);

// Says `text` on stderr as a note, after what is on stdout: what the output does not show.
void Note(const std::string& text);

// For options that take some text: an empty one is more often a variable that was not set than a wish for everything.
CLI::Validator NotEmpty();
// For options that take a whole number.
CLI::Validator WholeNumber(uint64_t least, uint64_t most);

// One per command: adds it to `app`, and sets `context->run` when it is the one that was chosen.
void AddCallsCommand(CLI::App* app, CommandContext* context);
void AddSessionsCommand(CLI::App* app, CommandContext* context);
void AddShowCommand(CLI::App* app, CommandContext* context);
void AddTailCommand(CLI::App* app, CommandContext* context);
void AddIndexCommand(CLI::App* app, CommandContext* context);
void AddKeysCommand(CLI::App* app, CommandContext* context);
void AddApiKeyCommands(CLI::App* keys, CommandContext* context);  // below `keys`
void AddHoldDataCommand(CLI::App* app, CommandContext* context);
void AddPolicyCommand(CLI::App* app, CommandContext* context);
void AddReplayCommand(CLI::App* app, CommandContext* context);
void AddVerifyCommand(CLI::App* app, CommandContext* context);
void AddEvidenceCommand(CLI::App* app, CommandContext* context);
void AddBackupCommand(CLI::App* app, CommandContext* context);
void AddRestoreCommand(CLI::App* app, CommandContext* context);
void AddDoctorCommand(CLI::App* app, CommandContext* context);
void AddReloadCommand(CLI::App* app, CommandContext* context);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_COMMAND_H_
