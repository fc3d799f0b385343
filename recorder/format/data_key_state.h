// Whether the key of a segment is there, destroyed or lost.
#ifndef SALLYPORT_RECORDER_FORMAT_DATA_KEY_STATE_H_
#define SALLYPORT_RECORDER_FORMAT_DATA_KEY_STATE_H_

#include <cstdint>
#include <string>

#include "recorder/format/store_layout.h"

namespace sallyport::recorder {

enum class DataKeyState {
  kThere,
  kDestroyed,  // and marked as that: the segment is shredded
  // Neither the key nor a mark: lost, left out of a copy, or destroyed by another hand. What the segment holds cannot
  // be read, but may be again, so nothing else is to be destroyed because of it.
  kMissing,
};

// Looks at the names of files alone. A key that is there counts, whatever marks say: it may have come back from a
// backup.
DataKeyState StateOfDataKey(const StoreLayout& layout, uint64_t segment);

// For people: why a segment without its key cannot be read, and what to do.
std::string WhyNoDataKey(const StoreLayout& layout, uint64_t segment);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_DATA_KEY_STATE_H_
