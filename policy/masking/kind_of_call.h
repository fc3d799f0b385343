// What a policy's masks and content rules make of one kind of call.
#ifndef SALLYPORT_POLICY_MASKING_KIND_OF_CALL_H_
#define SALLYPORT_POLICY_MASKING_KIND_OF_CALL_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/masking/mask_table.h"
#include "policy/masking/masker.h"

namespace sallyport::policy {

// What one content rule looks for in messages of a type.
struct ContentLook {
  const ContentRule* rule = nullptr;
  std::unique_ptr<const MaskPlan> texts;  // null if no detector is asked for
  struct Condition {
    std::string value;
    std::unique_ptr<const MaskPlan> plan;
  };
  std::vector<Condition> conditions;
};

// What is made once for a kind of call: its method and which rules apply. Masker::Create's masker fills it in; from
// then on it is immutable.
class KindOfCall final : public CallMasks {
 public:
  static constexpr int kSides = 2;
  static constexpr int kViews = 4;
  static size_t At(MessageSide side) { return side == MessageSide::kRequest ? 0 : 1; }
  static size_t At(MaskView view) { return static_cast<size_t>(view); }

  // Metadata and status messages in one view.
  struct Metadata {
    bool applies = false;
    std::vector<std::pair<std::string, const MaskAction*>> names;  // globs; of the policy
    MaskTable table;
    std::shared_ptr<const MessageMask> details;
  };
  struct Parts {
    std::shared_ptr<const Policy> policy;
    std::shared_ptr<const Descriptors> descriptors;
    std::shared_ptr<const MessageMask> messages[kSides][kViews];
    bool unreadable[kSides][kViews] = {};
    bool looks_into_messages = false;
    bool passes_unreadable = false;
    bool seals = false;
    std::shared_ptr<const MessageMask> before_sealing[kSides];
    Metadata metadata[kViews];
    std::vector<ContentLook> content[kSides];
  };
  explicit KindOfCall(Parts parts) : parts_(std::move(parts)) {}

  const MessageMask* message(MessageSide side, MaskView view) const override {
    return parts_.messages[At(side)][At(view)].get();
  }
  bool unreadable(MessageSide side, MaskView view) const override { return parts_.unreadable[At(side)][At(view)]; }
  bool looks_into_messages() const override { return parts_.looks_into_messages; }
  bool passes_unreadable() const override { return parts_.passes_unreadable; }
  bool seals() const override { return parts_.seals; }
  const MessageMask* before_sealing(MessageSide side) const override { return parts_.before_sealing[At(side)].get(); }
  bool masks_metadata(MaskView view) const override { return parts_.metadata[At(view)].applies; }
  bool MaskMetadata(MaskView view, std::string_view name, std::string* value, bool* drop) const override;
  bool MaskText(MaskView view, std::string* text) const override;
  bool checks_content(MessageSide side) const override { return !parts_.content[At(side)].empty(); }
  bool enforces_content(MessageSide side) const override;
  ContentVerdict CheckContent(MessageSide side, std::string_view message) const override;

  // Of what is its own and not shared with other kinds.
  size_t bytes() const;

 private:
  // False if the message cannot be read.
  bool Finds(const ContentLook& look, std::string_view message, bool* found) const;

  const Parts parts_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_KIND_OF_CALL_H_
