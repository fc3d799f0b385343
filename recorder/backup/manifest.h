// What a backup holds: the file `manifest` in its directory. recorder/BACKUP.md describes the text.
#ifndef SALLYPORT_RECORDER_BACKUP_MANIFEST_H_
#define SALLYPORT_RECORDER_BACKUP_MANIFEST_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/crypto/crypto.h"
#include "recorder/format/log_format.h"

namespace sallyport::recorder {

// A file of the store, and where its copy is.
struct BackupFile {
  enum class Kind {
    kSealed,  // never changes in the store: copied once, and stays where that was
    kState,   // may change: copied with each backup
    kKept,    // not in the store any more, since retention deleted it there: not restored
  };
  Kind kind = Kind::kState;
  uint64_t run = 0;   // the copy is under BackupRunName(run)
  uint64_t size = 0;  // bytes
  Hash sha256 = {};
  std::string path;  // under the data directory

  friend bool operator==(const BackupFile&, const BackupFile&) = default;
};

// A file of an earlier run that is to be removed, and may be there still.
struct DroppedFile {
  uint64_t run = 0;
  std::string path;

  friend bool operator==(const DroppedFile&, const DroppedFile&) = default;
};

// A value.
struct BackupManifest {
  // So large a text is read at most: a hundred thousand segments need a tenth of it.
  static constexpr size_t kMaxSize = size_t{256} << 20;

  StoreId store_id = {};
  uint64_t run = 0;                  // of the backup that wrote this, from 1
  absl::Time time;                   // of that, in whole seconds
  uint64_t format = 0;               // of the newest segment
  uint64_t tree_size = 0;            // leaves of the checkpoint that is in it; 0 where there is none
  std::vector<BackupFile> files;     // by path, each once
  std::vector<DroppedFile> dropped;  // by run and path, each once, none of them in `files`

  // `text` may be of anybody's making. DATA_LOSS, saying what is wrong, unless it is precisely what Format makes of
  // some manifest: a version this program does not know, a path that would lead out of a directory, and a changed byte
  // are all refused.
  static absl::StatusOr<BackupManifest> Parse(std::string_view text);
  // Ends in the SHA-256 of what stands before.
  std::string Format() const;
};

// The directory, in that of the backup, with what one run wrote: "run-00000001".
std::string BackupRunName(uint64_t run);
// Where the copy of a file is, from the backup's directory.
std::string StoredPath(uint64_t run, std::string_view path);
// The number of the run that a name stands for; 0 if it is no such name.
uint64_t ParseBackupRunName(std::string_view name);

// Whether this may be a path of a file in a store: one to four names of letters, digits, ".", "_" and "-", none of
// which begins with a dot; at most 255 characters.
bool IsBackupPath(std::string_view path);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_BACKUP_MANIFEST_H_
