// Running the command that wraps and unwraps keys. KEYS.md describes the protocol.
#ifndef SALLYPORT_RECORDER_KEYS_KEY_COMMAND_H_
#define SALLYPORT_RECORDER_KEYS_KEY_COMMAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/crypto/crypto.h"
#include "recorder/crypto/secret_text.h"

namespace sallyport::recorder {

// A value. Thread-safe. No error holds the command, a key, or anything of what the command said on stdout.
class KeyCommand {
 public:
  static constexpr size_t kMaxTokenSize = size_t{8} << 10;
  static constexpr absl::Duration kUsualTimeout = absl::Seconds(30);

  explicit KeyCommand(std::string command, absl::Duration timeout = kUsualTimeout)
      : command_(std::move(command)), timeout_(timeout) {}

  // Runs the command once, and blocks until it is done. UNAVAILABLE, with the first line of its stderr, if it fails;
  // DEADLINE_EXCEEDED if it took too long and was killed; INTERNAL if it does not keep to the protocol.
  absl::StatusOr<std::string> Wrap(const SecretKey& key) const;
  absl::StatusOr<SecretKey> Unwrap(const std::string& token) const;

 private:
  // Hands the command one line and returns the one line that it says, both without their ends.
  absl::StatusOr<SecretText> Exchange(std::string_view operation, std::string_view argument) const;

  std::string command_;
  absl::Duration timeout_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_KEYS_KEY_COMMAND_H_
