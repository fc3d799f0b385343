// The index again, from the log alone.
#ifndef SALLYPORT_RECORDER_REBUILD_H_
#define SALLYPORT_RECORDER_REBUILD_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "recorder/keys/key_source.h"

namespace sallyport::recorder {

struct RebuildProgress {
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;
  uint64_t calls = 0;
};

// Makes the index again from the log alone and puts it in the old one's place. FAILED_PRECONDITION while a gateway runs
// on the directory. Returns the number of calls indexed.
absl::StatusOr<uint64_t> RebuildIndex(const std::string& directory, const std::optional<KeySource>& keys,
                                      absl::FunctionRef<void(const RebuildProgress&)> progress);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_REBUILD_H_
