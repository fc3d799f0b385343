// The index of a store in SQLite: what the rest of the recorder sees of it.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_SQLITE_ENGINE_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_SQLITE_ENGINE_H_

#include <memory>

#include "absl/status/status.h"
#include "recorder/format/name_sealer.h"
#include "recorder/format/store_layout.h"
#include "recorder/index/call_index.h"

namespace sallyport::recorder {

// The engine of the index that is kept in SQLite, in the store's own directory.
std::unique_ptr<IndexEngine> SqliteEngine(const StoreLayout& layout, std::shared_ptr<const NameSealer> sealer);

// OK unless the file says that a newer program made it (store_version.h): FAILED_PRECONDITION then. Leaves no trace;
// only while nobody writes the index. What is damaged is for others to tell.
absl::Status CheckIndexVersion(const StoreLayout& layout);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_SQLITE_ENGINE_H_
