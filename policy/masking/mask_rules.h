// Masks and content rules as the policy file has them, read and checked.
#ifndef SALLYPORT_POLICY_MASKING_MASK_RULES_H_
#define SALLYPORT_POLICY_MASKING_MASK_RULES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "policy/masking/detectors.h"
#include "policy/masking/field_glob.h"
#include "policy/masking/mask_action.h"
#include "policy/masking/mask_plan.h"
#include "policy/matching/match.h"
#include "policy/roles.h"
#include "protos/faults.h"
#include "sallyport/v1/policy.pb.h"

namespace sallyport::policy {

// The relay makes the first three of what passes; the last is made of the record (policy/masking/reader_masks.h).
enum class MaskView : uint8_t { kRecord, kCaller, kUpstream, kReader };

// What stands for the authority where masks name metadata.
inline constexpr char kAuthorityName[] = ":authority";

// From whom a mask with the view `reader` hides; globs. A list that is empty is no condition.
struct MaskReaders {
  std::vector<std::string> identities;
  std::vector<std::string> groups;
  std::vector<RoleKind> roles;
};

// Values, immutable once the policy is made.
struct MaskRule {
  std::string name;
  Match match;
  FieldSelection fields;
  std::vector<uint32_t> detect;       // places in the detectors' names
  std::vector<std::string> metadata;  // globs
  MaskAction action;
  uint8_t views = 0;  // bit 1 << MaskView
  bool seal = false;
  bool pass_unreadable = false;
  MaskReaders readers;
  int line = 0;

  bool IsOf(MaskView view) const { return (views >> static_cast<int>(view) & 1) != 0; }
  // It is about what passes, and not about what readers are shown alone.
  bool is_of_relay() const { return (views & ~(1 << static_cast<int>(MaskView::kReader))) != 0; }
  // It is about messages, and not about metadata alone.
  bool looks_into_messages() const {
    return !fields.globs.empty() || !fields.classes.empty() || !fields.options.empty() || !detect.empty();
  }
};

struct FieldConditionRule {
  FieldSelection field;  // one glob
  std::string value;     // a glob
};

struct ContentRule {
  std::string name;
  Match match;
  std::vector<uint32_t> detect;
  std::vector<FieldConditionRule> conditions;
  bool requests = false;
  bool responses = false;
  bool shadow = false;
  int line = 0;
};

// The detectors that the policy's masks and content rules ask for. Null if there are none, or what is wrong went to
// `faults`; the rules below then are not to be used.
std::shared_ptr<const Detectors> ReadDetectors(const v1::Policy& policy, Faults* faults);
// What is wrong goes to `faults`, and the results are then not to be used. `detectors` may be null.
std::vector<MaskRule> ReadMasks(const v1::Policy& policy, const Detectors* detectors, Faults* faults);
std::vector<ContentRule> ReadContentRules(const v1::Policy& policy, const Detectors* detectors, Faults* faults);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_MASK_RULES_H_
