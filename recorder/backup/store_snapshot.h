// What of a store goes into a backup, as it is at one moment.
#ifndef SALLYPORT_RECORDER_BACKUP_STORE_SNAPSHOT_H_
#define SALLYPORT_RECORDER_BACKUP_STORE_SNAPSHOT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "recorder/backup/copied_file.h"
#include "recorder/backup/manifest.h"
#include "recorder/format/log_format.h"
#include "recorder/format/store_layout.h"

namespace sallyport::recorder {

// A file of the store: its first `size` bytes. Moved, not copied.
struct SnapshotFile {
  std::string path;  // under the data directory
  BackupFile::Kind kind = BackupFile::Kind::kState;
  uint64_t size = 0;
  // What is in it: in memory or open. Neither, if there is a copy already.
  std::optional<std::string> bytes;
  std::optional<InputFile> file;
};

struct StoreSnapshot {
  StoreId store_id = {};
  uint64_t format = 0;                // of the newest segment
  uint64_t tree_size = 0;             // of the checkpoint; 0 where there is none
  std::vector<SnapshotFile> files;    // by path
  std::vector<std::string> left_out;  // what is there and no part of a store that can be copied, with the reason
};

// The id of the store, from the newest segment whose header can be read. FAILED_PRECONDITION if there is none.
absl::StatusOr<StoreId> ReadStoreId(const StoreLayout& layout);

// Whether a file of the store, by its path, is no part of a backup: locks, the index, and what is being written aside.
bool IsLeftOut(std::string_view path);

// The paths of segments to which nothing is ever written again, but perhaps of the last one.
absl::StatusOr<std::vector<std::string>> SealedSegments(const StoreLayout& layout);

// Looks at the store while nothing of it is deleted, shredded or held, for which others wait as long as a segment takes
// to read; a gateway may go on writing meanwhile. What comes first is read last: no file names what another does not
// have yet. Of the segment that is being written it takes the whole blocks there are, once they are synced. `has_copy`
// says of a sealed file whether it need not be opened. Keyrings are left out. FAILED_PRECONDITION if there is nothing
// recorded yet, PERMISSION_DENIED unless this process runs as the owner of the store.
absl::StatusOr<StoreSnapshot> TakeSnapshot(const StoreLayout& layout,
                                           absl::FunctionRef<bool(const std::string& path)> has_copy);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_BACKUP_STORE_SNAPSHOT_H_
