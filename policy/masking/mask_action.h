// What becomes of a value that is masked.
#ifndef SALLYPORT_POLICY_MASKING_MASK_ACTION_H_
#define SALLYPORT_POLICY_MASKING_MASK_ACTION_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sallyport/v1/policy.pb.h"

namespace sallyport::policy {

// For `hash` and `tokenize`; from the store's secret, so that equal values stay equal within a store.
using MaskKey = std::array<uint8_t, 32>;

struct MaskAction {
  v1::Mask::Action kind = v1::Mask::redact;
  std::string text;     // for redact
  uint32_t length = 0;  // for truncate, in characters
};

// Appends what `text` becomes. Bytes that are not UTF-8 count as characters, and become `*` where they would stay: the
// result is UTF-8. `drop` leaves nothing.
void AppendMaskedText(const MaskAction& action, const MaskKey& key, std::string_view text, std::string* out);

// What an integer becomes: 0, or for `hash` any within [least, most], or for `tokenize` one of as many digits and the
// same sign.
int64_t MaskedSigned(const MaskAction& action, const MaskKey& key, int64_t value, int64_t least, int64_t most);
uint64_t MaskedUnsigned(const MaskAction& action, const MaskKey& key, uint64_t value, uint64_t most);
// The same for floating point: 0, or for `hash` and `tokenize` one from 0 to 1.
double MaskedFloating(const MaskAction& action, const MaskKey& key, double value);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_MASK_ACTION_H_
