// Running a command whose output is a secret.
#ifndef SALLYPORT_RECORDER_SYSTEM_COMMAND_PROCESS_H_
#define SALLYPORT_RECORDER_SYSTEM_COMMAND_PROCESS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/crypto/secret_text.h"

namespace sallyport::recorder {

// What came of a command.
struct CommandOutcome {
  SecretText said;        // on stdout
  SecretText complained;  // on stderr, at most the first 4 KiB
  bool said_too_much = false;
  // As waitpid gives it. None if the command was killed: at its deadline, or because it said too much.
  std::optional<int> status;

  bool succeeded() const { return status == 0; }
  // "failed with exit status 3", "was ended by signal 9", "was killed". Not for one that succeeded.
  std::string HowItEnded() const;
};

// Runs `command` by /bin/sh -c with `input` (at most 64 KiB) on its stdin, and blocks until it has ended, has said more
// than `most_output` bytes, or `timeout` is over. In the last two cases it is killed, with all that it started and that
// stayed in its process group. Thread-safe. Errors are those of the system, and hold nothing of the command.
absl::StatusOr<CommandOutcome> RunCommand(const std::string& command, std::string_view input, size_t most_output,
                                          absl::Duration timeout);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_SYSTEM_COMMAND_PROCESS_H_
