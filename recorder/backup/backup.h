// Copies a store, also while a gateway writes it.
#ifndef SALLYPORT_RECORDER_BACKUP_BACKUP_H_
#define SALLYPORT_RECORDER_BACKUP_BACKUP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/format/log_format.h"
#include "recorder/keys/key_source.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

struct BackupOptions {
  std::string data;  // the store's directory
  std::string to;    // the backup's, on whatever file system; created if its parent is there
  // Opens the copy when it is verified; unset: the keyring beside the store, if it is there. It is never copied.
  std::optional<KeySource> keys;
  // Removes what retention has deleted in the store from the backup, too.
  bool prune = false;
  // Reads again only what this run wrote, and leaves the log's own verification out.
  bool quick = false;
  absl::Time now;
};

struct BackupReport {
  StoreId store_id = {};
  uint64_t run = 0;
  uint64_t files = 0;  // in the backup, kept ones not counted
  uint64_t bytes = 0;
  uint64_t copied_files = 0;  // by this run
  uint64_t copied_bytes = 0;
  uint64_t tree_size = 0;
  uint64_t kept_segments = 0;  // that retention has deleted in the store
  uint64_t removed_files = 0;  // of earlier runs
  bool verified = false;       // the log's own verification was done, and found nothing
  std::string why_not_opened;  // with that: why no block was opened; empty if they were
  std::vector<std::string> left_out;
};

// Writes what a restore needs to the backup's directory, beside what earlier runs wrote: what never changes is copied
// once. Reads back what it wrote and, unless quick, verifies the whole copy; then writes the manifest, in one step, and
// removes what no manifest needs any more. Until that step the backup is the one before, whatever happens; what was
// copied until then is used by the next run.
//
// INVALID_ARGUMENT if the backup, the store and the keyring do not lie apart; FAILED_PRECONDITION if another process
// writes the backup, or the directory holds something else or another store's; DATA_LOSS if the copy does not verify,
// if the manifest that is there is damaged, or if a segment that never changes is not the one that was copied earlier;
// RESOURCE_EXHAUSTED if the disk is full; and what TakeSnapshot says. Nothing of the store is changed.
absl::StatusOr<BackupReport> BackUp(const BackupOptions& options, FileSystem& files);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_BACKUP_BACKUP_H_
