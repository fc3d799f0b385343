// Makes a store of a backup.
#ifndef SALLYPORT_RECORDER_BACKUP_RESTORE_H_
#define SALLYPORT_RECORDER_BACKUP_RESTORE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/backup/manifest.h"
#include "recorder/format/log_format.h"
#include "recorder/keys/key_source.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

struct RestoreOptions {
  std::string from;  // the backup's directory
  std::string data;  // the store's: must not exist, or be empty
  // Opens what was restored; unset: the keyring beside `data`, if it is there.
  std::optional<KeySource> keys;
  // Puts the store in place also where the log does not verify, such as when it was damaged before it was copied.
  bool unverified = false;
};

struct RestoreReport {
  StoreId store_id = {};
  absl::Time time;  // of the backup
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t segments = 0;
  uint64_t entries = 0;
  uint64_t tree_size = 0;      // of the checkpoint in it
  uint64_t kept_segments = 0;  // in the backup, deleted by retention, and not restored
  uint64_t errors = 0;         // that the log's verification found; 0 unless `unverified`
  uint64_t calls = 0;          // in the index, if it was made
  bool has_index = false;
  std::string why_not_opened;  // why the index was not made and no block opened; empty if they were
};

// OK if everything in the backup is as its manifest says, and there is nothing else: no file more, none less, no
// changed byte, no link. What a run that was cut off has left is passed over. DATA_LOSS, naming the first file,
// otherwise.
absl::Status CheckBackup(const std::string& from, const BackupManifest& manifest);

// Reads and checks all of the backup, copies it to a directory beside `data`, checking it again on the way, verifies
// the log, makes the index if it has the keys, syncs all of it, and renames it to `data` in one step. After an error,
// or when it is killed, nothing is at `data`; the next run removes what is left beside it. The backup is not changed.
//
// DATA_LOSS if the backup is not as it was written or does not verify; NOT_FOUND if it is none; FAILED_PRECONDITION if
// `data` is not empty, a backup is being written, or a newer program made the backup; INVALID_ARGUMENT if the two
// directories do not lie apart.
absl::StatusOr<RestoreReport> RestoreBackup(const RestoreOptions& options, FileSystem& files);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_BACKUP_RESTORE_H_
