// What becomes of the values that a plan selects, and of what detectors find.
#ifndef SALLYPORT_POLICY_MASKING_MASK_TABLE_H_
#define SALLYPORT_POLICY_MASKING_MASK_TABLE_H_

#include <cstddef>
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

// In one message: finds, and values to hash or tokenize. A fifth of a second's work.
inline constexpr size_t kMostWork = size_t{1} << 20;

// How much of that is left. A value; lives for one message.
class WorkBudget {
 public:
  size_t left() const { return left_; }
  bool exceeded() const { return exceeded_; }
  void Take(size_t values) {
    exceeded_ = exceeded_ || values > left_;
    left_ -= exceeded_ ? left_ : values;
  }
  void Exceed() { Take(left_ + 1); }

 private:
  size_t left_ = kMostWork;
  bool exceeded_ = false;
};

// Masks what detectors find in `text`, and counts it under `place` (policy/masking/detection_counts.h). False if they
// find nothing, or more than `budget` has left, which then is exceeded; `*masked` is then not to be used.
bool MaskFinds(const MaskTable& table, std::string_view place, std::string_view text, WorkBudget* budget,
               std::string* masked);

// Appends what becomes of a text that `action` is about as a whole. Where the action leaves much of it as it was
// (truncate), what detectors find there is masked as well, and what they would have found in what is cut off. Appends
// nothing where that exceeds `budget`.
void AppendMaskedValue(const MaskTable& table, std::string_view place, const MaskAction& action, std::string_view text,
                       WorkBudget* budget, std::string* out);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_MASK_TABLE_H_
