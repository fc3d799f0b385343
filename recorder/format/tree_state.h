// What the store knows of its tree on disk: tree/checkpoint and tree/leaves.
#ifndef SALLYPORT_RECORDER_FORMAT_TREE_STATE_H_
#define SALLYPORT_RECORDER_FORMAT_TREE_STATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "recorder/crypto/merkle.h"
#include "recorder/format/checkpoint.h"
#include "recorder/format/log_format.h"
#include "recorder/format/store_layout.h"
#include "recorder/format/store_secrets.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// The tree as far as the log is durable.
struct TreeState {
  CompactRange range;          // from leaf 0
  Position end;                // where the next record of the log goes, or went
  uint64_t next_sequence = 1;  // of the next entry
};

// What tree/checkpoint holds: the note, then the state it stands for (FORMAT.md, "Checkpoints").
struct StoredCheckpoint {
  SignedCheckpoint checkpoint;
  TreeState state;

  // Checks everything but who signed: that it is whole, and that the state's root and size are the checkpoint's.
  // DATA_LOSS otherwise.
  static absl::StatusOr<StoredCheckpoint> Parse(std::string_view bytes);
  std::string Format() const;
};

// The last checkpoint that was persisted; nullopt for a store without one. DATA_LOSS if it is not whole, not of this
// store, or not signed by it.
absl::StatusOr<std::optional<StoredCheckpoint>> LoadStoredCheckpoint(const StoreLayout& layout,
                                                                     const StoreSecrets& keys);
// The state alone.
absl::StatusOr<std::optional<TreeState>> LoadTreeState(const StoreLayout& layout, const StoreSecrets& keys);

// What somebody put in the place of tree/checkpoint as it was published: a note alone, which does not say where in the
// log it stands. nullopt if there is none, or a stored checkpoint. DATA_LOSS if it is no checkpoint that this store
// signed.
absl::StatusOr<std::optional<SignedCheckpoint>> LoadPublishedCheckpoint(const StoreLayout& layout,
                                                                        const StoreSecrets& keys);

// The note of the last checkpoint, without a look at who signed it. NOT_FOUND if there is none yet.
absl::StatusOr<std::string> ReadCheckpoint(const StoreLayout& layout);

// The leaf hashes in tree/leaves, also while a gateway appends to them. Thread-safe.
class LeafFile {
 public:
  // NOT_FOUND if there is none.
  static absl::StatusOr<LeafFile> Open(const StoreLayout& layout);

  // How many whole leaf hashes there are now. Those behind the last checkpoint may still change.
  absl::StatusOr<uint64_t> Size() const;
  // OUT_OF_RANGE if there are not so many; DATA_LOSS where they were not known any more when the file was made.
  absl::Status Read(uint64_t first, absl::Span<Hash> out) const;

 private:
  explicit LeafFile(ReadableFile file) : file_(std::move(file)) {}

  ReadableFile file_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_TREE_STATE_H_
