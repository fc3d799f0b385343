// Legal holds: what must not be deleted or shredded.
#ifndef SALLYPORT_RECORDER_WRITE_LEGAL_HOLDS_H_
#define SALLYPORT_RECORDER_WRITE_LEGAL_HOLDS_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/format/store_layout.h"
#include "recorder/index/call_index.h"
#include "recorder/index/call_search.h"
#include "recorder/keys/store_keys.h"
#include "recorder/log/segment_store.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// Keeps the calls of one session, or of callers, those to come included. A value.
struct LegalHold {
  uint64_t id = 0;          // from 1, never given twice
  uint64_t session_id = 0;  // 0: all of `identity`
  std::string identity;     // glob, empty with a session
  std::string reason;
  absl::Time created;
};

// The holds of a store, in one sealed file of the data directory. Somebody who may write there can still remove the
// file: it keeps honest people from deleting, as retention does. Not thread-safe.
class LegalHoldList {
 public:
  // An empty list if there is no file. DATA_LOSS if it is damaged or of another store: then nothing may be deleted.
  static absl::StatusOr<LegalHoldList> Load(const StoreLayout& layout, const StoreKeys& keys);

  const std::vector<LegalHold>& holds() const { return holds_; }
  // Takes all but `id` from `hold`, and returns the id it gave. INVALID_ARGUMENT unless it names either a session or
  // callers.
  absl::StatusOr<uint64_t> Add(LegalHold hold);
  // NOT_FOUND if there is none.
  absl::Status Release(uint64_t id);
  // Puts the file in place of the old one.
  absl::Status Save(const StoreLayout& layout, const StoreKeys& keys, FileSystem& files) const;

 private:
  std::vector<LegalHold> holds_;
  uint64_t last_id_ = 0;
};

// A lock between processes. Whoever changes the holds takes it. Whoever deletes or shreds takes it before asking what
// is held, and keeps it until done.
absl::StatusOr<std::unique_ptr<FileLock>> TakeLegalHoldsLock(const StoreLayout& layout);

// The segments that may hold entries of held calls, as far as the index knows the log; what it does not know is in the
// last segments, which nobody deletes. With many held calls it takes about a microsecond for each.
absl::StatusOr<std::set<uint64_t>> HeldSegments(const LegalHoldList& holds, CallSearch& index);

// The same, from what is on disk, and the segments that the index does not know wholly. An empty set, without a look at
// the index, if there are no holds.
absl::StatusOr<std::set<uint64_t>> HeldSegments(const LogPlace& place, const StoreKeys& keys, IndexEngine& engine);
// With the index that a store has.
absl::StatusOr<std::set<uint64_t>> HeldSegments(const StoreLayout& layout, const StoreKeys& keys);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_WRITE_LEGAL_HOLDS_H_
