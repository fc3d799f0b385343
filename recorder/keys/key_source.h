// Where the key-encryption key of a store comes from.
#ifndef SALLYPORT_RECORDER_KEYS_KEY_SOURCE_H_
#define SALLYPORT_RECORDER_KEYS_KEY_SOURCE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sallyport::recorder {

// A value. As text: "file:PATH", "env:NAME" or "exec:COMMAND" (run by /bin/sh -c).
struct KeySource {
  enum class Kind {
    kFile,         // a keyring file
    kEnvironment,  // an environment variable that holds a keyring
    kCommand,      // a command that wraps and unwraps keys, such as one that talks to a KMS
  };
  Kind kind = Kind::kFile;
  std::string value;

  // INVALID_ARGUMENT, saying what is expected, if the text is none of the three. The text is not repeated: it may be a
  // secret that was put in the wrong place.
  static absl::StatusOr<KeySource> Parse(std::string_view text);
  // For people: "the keyring /etc/sallyport/keyring". A command is not shown, since it may hold a credential.
  std::string Describe() const;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_KEYS_KEY_SOURCE_H_
