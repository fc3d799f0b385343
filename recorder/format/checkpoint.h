// C2SP checkpoints (c2sp.org/tlog-checkpoint): a signed statement of a log's size and root.
#ifndef SALLYPORT_RECORDER_FORMAT_CHECKPOINT_H_
#define SALLYPORT_RECORDER_FORMAT_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "recorder/crypto/crypto.h"
#include "recorder/crypto/signed_note.h"
#include "recorder/format/log_format.h"

namespace sallyport::recorder {

// What a checkpoint says.
struct Checkpoint {
  std::string origin;
  uint64_t size = 0;  // leaves; at most kMaxTreeSize (proofs.h)
  Hash root = {};
  std::vector<std::string> extensions;  // lines this program does not know

  // The text of a note. INVALID_ARGUMENT, saying what is wrong, if it is no checkpoint's.
  static absl::StatusOr<Checkpoint> Parse(std::string_view text);
  std::string Format() const;
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// A checkpoint, and the signed note that it was read from or written as.
struct SignedCheckpoint {
  Checkpoint checkpoint;
  std::string note;
};

// The origin of a store's checkpoints, which is also the name of the key that signs them: "sallyport/" and the store id
// as 32 hex digits.
std::string CheckpointOrigin(const StoreId& store_id);
// The key that verifies the checkpoints of a store.
absl::StatusOr<VerifierKey> CheckpointVerifierKey(const StoreId& store_id, const SigningKey& key);

// INVALID_ARGUMENT if the origin cannot be a key's name.
absl::StatusOr<SignedCheckpoint> SignCheckpoint(Checkpoint checkpoint, const SigningKey& key);

// Takes a note apart and checks that the log itself signed it: one of `log_keys`, with the origin as its name. Lines of
// other keys are passed over. INVALID_ARGUMENT otherwise.
absl::StatusOr<SignedCheckpoint> OpenCheckpoint(std::string_view note, absl::Span<const VerifierKey> log_keys);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_CHECKPOINT_H_
