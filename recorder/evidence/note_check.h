// Reads checkpoints as strangers do: C2SP signed notes and verifier keys (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).
#ifndef SALLYPORT_RECORDER_EVIDENCE_NOTE_CHECK_H_
#define SALLYPORT_RECORDER_EVIDENCE_NOTE_CHECK_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/keys/crypto.h"

namespace sallyport::recorder {

// An Ed25519 key that signs notes, as `name+hash+base64` names it.
struct NoteKey {
  std::string name;
  std::string id;          // 4 bytes
  std::string public_key;  // 32 bytes

  // INVALID_ARGUMENT, saying what such a key looks like, if it is none.
  static absl::StatusOr<NoteKey> Parse(std::string_view text);
  static NoteKey Of(std::string_view name, std::string_view public_key);
  std::string Format() const;
};

// A checkpoint whose signatures nobody has looked at yet.
struct CheckpointNote {
  struct Signature {
    std::string name;
    std::string id;     // 4 bytes
    std::string bytes;  // what follows the id
  };

  std::string origin;
  uint64_t size = 0;
  Hash root = {};
  std::string text;  // what is signed
  std::vector<Signature> signatures;

  // INVALID_ARGUMENT, saying what is wrong, if `note` is not a signed checkpoint.
  static absl::StatusOr<CheckpointNote> Parse(std::string_view note);
  // OK if the key has signed the note. NOT_FOUND if it has not, INVALID_ARGUMENT if a signature under its name is wrong.
  absl::Status CheckSignature(const NoteKey& key) const;
};

// No note is longer.
constexpr size_t kMaxNoteSize = size_t{64} << 10;

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_EVIDENCE_NOTE_CHECK_H_
