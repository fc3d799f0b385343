// Fields on the wire, as their descriptors say.
#ifndef SALLYPORT_POLICY_MASKING_WIRE_FIELD_H_
#define SALLYPORT_POLICY_MASKING_WIRE_FIELD_H_

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "policy/masking/mask_plan.h"
#include "policy/messages/well_known_types.h"
#include "policy/messages/wire.h"
#include "policy/messages/wire_scalar.h"

namespace sallyport::policy {

struct AnyContent {
  bool known = false;                    // its type is
  bool sound = true;                     // otherwise it cannot be said what is to be done in it
  const MaskPlan::Node* node = nullptr;  // null if nothing is to be done in it
  std::shared_ptr<const MaskPlan> plan;  // that the node is of; to be kept while it is used
  bool has_url = false;
  bool has_value = false;
};
// Of the Any with these bytes, whose node is `any`.
AnyContent ContentOf(const MaskPlan::Node& any, std::string_view bytes);

// Whether an Any that is merged with an earlier part can be judged by itself: it says both what it holds and of which
// type, so that of the earlier part nothing is left, or nobody goes by the type.
inline bool StandsAlone(const MaskPlan::Node& any, const AnyContent& content) {
  if (content.has_url && content.has_value) return true;
  const MaskPlan::Field* const value = any.plan->Find(any, kAnyValue);
  return value != nullptr && value->selection != MaskPlan::kNone;
}

// How many bytes of groups may be looked through for keys in a message of so many: a group in a group each time.
inline size_t MostLookedAhead(size_t message_size) {
  constexpr size_t kTimes = 16;
  constexpr size_t kLittle = 64 << 10;
  return kTimes * message_size + kLittle;
}

// Which of a message's fields whose parts depend on each other (MaskPlan::Field::joint) have come, for the messages
// that are open: a stack of bits.
class JointsSeen {
 public:
  // Of a message of `node`; where its bits are.
  size_t Open(const MaskPlan::Node& node) {
    const size_t place = bits_.size();
    if (node.joints > 0) bits_.resize(place + (node.joints + kBits - 1) / kBits);
    return place;
  }
  void Close(size_t place) {
    if (place < bits_.size()) bits_.resize(place);
  }
  // Marks a field, and says whether it was.
  bool Mark(size_t place, int32_t joint) {
    uint64_t& bits = bits_[place + static_cast<size_t>(joint) / kBits];
    const uint64_t bit = uint64_t{1} << (static_cast<size_t>(joint) % kBits);
    const bool seen = (bits & bit) != 0;
    bits |= bit;
    return seen;
  }

 private:
  static constexpr size_t kBits = 64;
  absl::InlinedVector<uint64_t, 16> bits_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_WIRE_FIELD_H_
