// The rows of the index, as the verifier reads them.
#ifndef SALLYPORT_RECORDER_VERIFY_INDEX_ROWS_H_
#define SALLYPORT_RECORDER_VERIFY_INDEX_ROWS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "recorder/format/store_layout.h"
#include "recorder/verify/verifier.h"

namespace sallyport::recorder {

// One state of the index, also while a gateway goes on writing it. With keys (null: without; else they must outlive it)
// rows say what they say of the calls. NOT_FOUND if there is none, DATA_LOSS if it is damaged.
absl::StatusOr<std::unique_ptr<IndexedCalls>> OpenIndexedCalls(const StoreLayout& layout, const StoreSecrets* keys);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_INDEX_ROWS_H_
