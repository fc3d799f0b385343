// What becomes of the values that a plan selects, and of what detectors find.
#ifndef SALLYPORT_POLICY_MASKING_MASK_TABLE_H_
#define SALLYPORT_POLICY_MASKING_MASK_TABLE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/masking/detection_counts.h"
#include "policy/masking/detectors.h"
#include "policy/masking/mask_action.h"

namespace sallyport::policy {

struct MaskTable {
  std::vector<MaskAction> actions;  // by selection; then those of `detected`
  // By detector, its action's place in `actions`, or -1 if nobody asks for it.
  std::vector<int32_t> detected;
  const Detectors* detectors = nullptr;  // null if no detector is asked for
  DetectionCounts* counts = nullptr;     // null if nobody wants to know
  MaskKey key = {};
};

// Masks what detectors find in `text`, and counts it under `place` (policy/masking/detection_counts.h). False if they
// find nothing, and `*masked` is then not to be used.
bool MaskFinds(const MaskTable& table, std::string_view place, std::string_view text, std::string* masked);

// Appends what becomes of a text that `action` is about as a whole. Where the action leaves much of it as it was
// (truncate), what detectors find there is masked as well, and what they would have found in what is cut off.
void AppendMaskedValue(const MaskTable& table, std::string_view place, const MaskAction& action, std::string_view text,
                       std::string* out);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_MASK_TABLE_H_
