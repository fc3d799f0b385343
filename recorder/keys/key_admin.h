// Looking after the keys of a store, while a gateway writes it or not: what `sallyport keys` does.
//
// What changes something must be run as the user who owns the files, since it replaces them: PERMISSION_DENIED
// otherwise. Each can be cut off at any point and run again. Errors are those of StoreKeys::Open, and those given here.
#ifndef SALLYPORT_RECORDER_KEYS_KEY_ADMIN_H_
#define SALLYPORT_RECORDER_KEYS_KEY_ADMIN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/format/store_layout.h"
#include "recorder/keys/key_source.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

struct KeysStatus {
  struct KeyEncryptionKeyUse {
    std::string id;                     // "exec" for the key command's
    std::optional<absl::Time> created;  // of those in the keyring
    bool current = false;
    bool missing = false;    // key files need it, but it is not in the keyring
    uint64_t key_files = 0;  // wrapped with it
  };
  struct SegmentKey {
    uint64_t segment = 0;
    std::optional<std::string> key_encryption_key;  // none unless the key is there
    bool shredded = false;                          // destroyed; neither: the key is missing
  };
  std::string source;    // for people
  std::string store_id;  // hex
  // The signed-note verifier key (C2SP) that checks the store's checkpoints.
  std::string verifier_key;
  std::vector<KeyEncryptionKeyUse> key_encryption_keys;  // in the keyring's order
  std::vector<SegmentKey> segments;                      // in order: all that have a log file or a key file
};
absl::StatusOr<KeysStatus> ReadKeysStatus(const StoreLayout& layout, const std::optional<KeySource>& source);

struct Rotation {
  std::string keyring;  // the file
  std::string id;       // of the fresh key
};
// Adds a fresh key-encryption key to the keyring file, which is current from then on: a gateway that runs notices
// within a second, and which says that it was made at `now`. FAILED_PRECONDITION, saying what to do, if the keys do not
// come from a file.
absl::StatusOr<Rotation> RotateKeyring(const StoreLayout& layout, const std::optional<KeySource>& source,
                                       absl::Time now, FileSystem& files);

enum class UnusedKeys { kKeep, kDrop };
struct Rewrapping {
  uint64_t rewrapped = 0;            // key files
  uint64_t left = 0;                 // that were wrapped with the current key already
  std::vector<std::string> dropped;  // key-encryption keys
};
// Wraps each key file that is not wrapped with the current key-encryption key with that one; of a key command all
// files, since the command alone knows. With kDrop then removes from the keyring file the keys that no key file of this
// store needs any more. `progress` is told the number of files done and of all.
absl::StatusOr<Rewrapping> RewrapKeys(const StoreLayout& layout, const std::optional<KeySource>& source,
                                      UnusedKeys unused, FileSystem& files,
                                      absl::FunctionRef<void(uint64_t, uint64_t)> progress);

// Whether something, such as a legal hold, forbids to destroy a segment.
using HoldsSegment = absl::FunctionRef<absl::StatusOr<bool>(uint64_t segment)>;

// Which segments to shred.
struct ShredQuery {
  std::vector<uint64_t> segments;    // these
  std::optional<absl::Time> before;  // and all that were closed before
};
struct ShredPlan {
  struct Segment {
    uint64_t number = 0;
    absl::Time created;
    absl::Time closed;
    uint64_t entries = 0;
  };
  std::vector<Segment> segments;  // in order: to be shredded, also those whose key is missing
  std::vector<uint64_t> already;  // asked for and shredded before
  std::vector<uint64_t> held;     // asked for, but a hold forbids it
  std::vector<uint64_t> damaged;  // with `before`: of no known age
};
// Reads no key. A segment that is still written, or that has no footer for another reason, is never in a plan:
// FAILED_PRECONDITION if it was asked for by number, NOT_FOUND if there is none by that number.
absl::StatusOr<ShredPlan> PlanShredding(const StoreLayout& layout, const ShredQuery& query, HoldsSegment holds);

// Destroys a segment's data key: its file is renamed, which shreds the segment at once, then overwritten with zeros,
// synced and emptied; what is left is the mark that it was destroyed. Where the key is missing only the mark is made.
// OK if that was done before. FAILED_PRECONDITION or DATA_LOSS, and nothing is destroyed, if what is there is not the
// key that this store made for the segment.
absl::Status ShredSegment(const StoreLayout& layout, uint64_t segment, FileSystem& files);

// Destroys what ShredSegment left where it was cut off.
absl::Status FinishShredding(const StoreLayout& layout, FileSystem& files);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_KEYS_KEY_ADMIN_H_
