// Reads blocks of the log for evidence, as the verifier would read them.
#ifndef SALLYPORT_RECORDER_EVIDENCE_BLOCK_SOURCE_H_
#define SALLYPORT_RECORDER_EVIDENCE_BLOCK_SOURCE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/store_layout.h"
#include "recorder/keys/store_keys.h"
#include "recorder/verify/body_opener.h"
#include "recorder/verify/header_check.h"
#include "recorder/verify/segment_window.h"

namespace sallyport::recorder {

// DATA_LOSS: what is wrong with the log there.
absl::Status DamageAt(Position at, std::string_view what);

// Reads the segments of a log. Keeps the last one open. Not thread-safe.
class BlockSource {
 public:
  explicit BlockSource(const StoreLayout& layout) : layout_(layout) {}

  // Lives until the next read, as does what ReadBlock returns. NOT_FOUND if the segment was deleted.
  absl::StatusOr<std::string_view> Read(Position at, size_t size);

  struct Block {
    CheckedBlock checked;
    std::string_view header;
    CheckedPayload payload;
    Position end;
  };
  absl::StatusOr<Block> ReadBlock(Position at);

 private:
  const StoreLayout layout_;
  uint64_t number_ = 0;
  std::optional<SegmentWindow> window_;
};

// Opens bodies of several segments, one after another. Not thread-safe.
class BodyOpeners {
 public:
  // `keys` must outlive it.
  explicit BodyOpeners(StoreKeys& keys) : keys_(keys) {}

  // Lives until another segment is asked for.
  absl::StatusOr<BodyOpener*> For(uint64_t segment);

 private:
  StoreKeys& keys_;
  uint64_t number_ = 0;
  std::optional<BodyOpener> opener_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_EVIDENCE_BLOCK_SOURCE_H_
