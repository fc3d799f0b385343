// The index of a store in SQLite: what the rest of the recorder sees of it.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_SQLITE_ENGINE_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_SQLITE_ENGINE_H_

#include <memory>

#include "recorder/format/name_sealer.h"
#include "recorder/format/store_layout.h"
#include "recorder/index/call_index.h"

namespace sallyport::recorder {

// The engine of the index that is kept in SQLite, in the store's own directory.
std::unique_ptr<IndexEngine> SqliteEngine(const StoreLayout& layout, std::shared_ptr<const NameSealer> sealer);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_SQLITE_ENGINE_H_
