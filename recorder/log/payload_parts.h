// Payloads that stand in a block apart from their entries, each sealed for itself: taking them out of entries, and
// putting them back.
#ifndef SALLYPORT_RECORDER_LOG_PAYLOAD_PARTS_H_
#define SALLYPORT_RECORDER_LOG_PAYLOAD_PARTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "recorder/crypto/crypto.h"
#include "recorder/format/log_format.h"

struct ZSTD_CCtx_s;

namespace sallyport::recorder {

// Where a builder's salts, nonces and keys come from.
using RandomSource = absl::Status (*)(char* out, size_t size);

// Collects the parts of one block after another in buffers that keep their capacity. Not thread-safe.
class PartBuilder {
 public:
  // Payloads from `smallest` bytes on become parts: they are hashed once, as they are stored, and not also within their
  // entry. `compressor` must outlive it; null for none.
  PartBuilder(size_t smallest, RandomSource random, ZSTD_CCtx_s* compressor)
      : smallest_(smallest), random_(random), compressor_(compressor) {}

  void Clear();
  // Appends entries, each behind its length, to `body`, with the payloads that are large taken out.
  absl::Status TakeApart(std::string_view entries, std::string& body);

  bool empty() const { return lines_.empty(); }
  std::string Table() const;
  // The parts one after another.
  const std::string& bytes() const { return bytes_; }

 private:
  absl::Status AddPart(std::string_view entry, std::string& body);

  const size_t smallest_;
  const RandomSource random_;
  ZSTD_CCtx_s* const compressor_;
  std::vector<PartLine> lines_;
  std::string bytes_;
  std::string compressed_;
};

// Puts the payloads back into the entries of a body, where the keys are there. `parts` is what stands behind the body
// in the file, whose hashes are checked. DATA_LOSS if they do not fit together.
absl::Status PutTogether(std::string_view parts, std::string& body);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_PAYLOAD_PARTS_H_
