// Looks for what says that a part of a store is gone.
//
// A store is one: its keys, its log and its tree belong together. Where one of them is gone (deleted, or on a volume
// that is not mounted) nothing is begun in its place: new keys would leave the old log unread, a new log would replace
// the keys of the old one, and a new tree could be signed in place of one that was signed before. FORMAT.md,
// "Recovery", lists what is done about which part.
#ifndef SALLYPORT_RECORDER_FORMAT_MISSING_PARTS_H_
#define SALLYPORT_RECORDER_FORMAT_MISSING_PARTS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/store_layout.h"

namespace sallyport::recorder {

// For a directory without keys/store.key: FAILED_PRECONDITION, saying what is missing and what to do, if it holds
// anything of a store that was begun before. What a first start leaves that was cut off is none.
absl::Status CheckNoStoreWithoutKeys(const StoreLayout& layout);

// For a directory without segments: the path of something that is there only once there was a segment. None if there is
// nothing. Does not look into the index.
absl::StatusOr<std::optional<std::string>> TraceOfLog(const StoreLayout& layout);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_MISSING_PARTS_H_
