// Masks a message on the wire format, as a plan says.
#ifndef SALLYPORT_POLICY_MASKING_MASK_WALKER_H_
#define SALLYPORT_POLICY_MASKING_MASK_WALKER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "policy/masking/mask_plan.h"
#include "policy/masking/mask_table.h"
#include "policy/masking/wire_field.h"
#include "policy/messages/wire.h"

namespace sallyport::policy {

enum class WalkOutcome {
  kUnchanged,
  kMasked,
  kUnreadable,
  kTooMuch,  // more finds, and values to hash or tokenize, than kMostWork
};

// One pass over one message: what nothing is said about is copied in runs, and nothing is written until the first
// change. Fields are re-emitted with the shortest tags and lengths, whatever they came with. What parsers would read in
// different ways is refused; fields that the type does not have, or that come with a wire type that is not theirs, are
// dropped. Of an Any in several parts, which parsers merge, each part but the first must say both type and value; a
// message that is chosen by a key must come in one.
// Iterative. Lives for one message.
class MaskWalker {
 public:
  // Both must outlive it. `*out` is overwritten, and only if something is changed.
  MaskWalker(const MaskPlan& plan, const MaskTable& table, std::string* out) : plan_(plan), table_(table), out_(*out) {}

  WalkOutcome Walk(std::string_view message);

 private:
  static constexpr size_t kNotOpen = ~size_t{0};

  // Where in the output a length is to be, and how many bytes are kept for it.
  struct LengthPlace {
    size_t at;
    size_t size;
  };

  // A message that is being walked.
  struct Frame {
    const MaskPlan::Node* node;
    const char* header;   // where its tag begins
    const char* content;  // where its fields begin
    const char* end;      // of a group: of what it stands in
    uint64_t tag;
    uint32_t group;                     // the number that ends it; 0 if it is no group
    LengthPlace length;                 // at kNotOpen before anything of it was written
    const MaskPlan::Node* any_content;  // of an Any: its content's; null if nothing is to be done in that
    bool any_known;                     // of an Any: its content's type is known
    bool later;                         // parsers merge it with a part that came before
    size_t joints;                      // its place in joints_
    bool holds_plan;                    // the last of content_plans_ is its content's
  };

  bool Push(const MaskPlan::Node& node, const char* header, uint64_t tag, const char* content, const char* end,
            uint32_t group, bool later = false);
  bool LookIntoAny(Frame& frame);
  // For a message of which parts came before it can't be said.
  const MaskPlan::Node* NodeByKeys(const MaskPlan::Node& node, const char* content, const char* end, uint32_t group);
  // Whether parsers merge this field of the message in hand with a part that came before, as far as that matters.
  bool IsLater(const MaskPlan::Field& field);
  bool WalkField();
  bool WalkAnyValue(Frame& frame, const char* begin, bool minimal);
  bool WalkLength(const MaskPlan::Field& field, const char* begin, uint64_t tag, bool minimal);
  bool WalkVarint(const MaskPlan::Field& field, const char* begin, uint64_t tag, bool minimal);
  bool WalkFixed(const MaskPlan::Field& field, const char* begin, uint64_t tag, bool minimal);
  bool WalkGroup(const MaskPlan::Field& field, uint32_t number, const char* begin, bool minimal);
  bool WalkEndGroup(uint32_t number, const char* begin, bool minimal);
  bool WalkMasked(const MaskPlan::Field& field, const char* begin, uint64_t tag, std::string_view value);
  void AppendScalar(const MaskPlan::Field& field, uint64_t raw);
  // Writes `value` for the length-delimited field that was read from `begin` on.
  void Replace(const char* begin, uint64_t tag, std::string_view value);
  bool IsDropped(const MaskPlan::Field& field) const;

  // What follows is written in place of what was read from `begin` on; EndChange when it has been.
  void BeginChange(const char* begin);
  void EndChange() { run_ = at_; }
  // A tag in the shortest form.
  void RewriteTag(const char* begin, uint64_t tag);
  LengthPlace OpenLength(size_t expected);
  void CloseLength(const LengthPlace& place);
  void OpenFrames();
  void Close();

  const MaskPlan& plan_;
  const MaskTable& table_;
  std::string& out_;
  std::string_view message_;
  const char* at_ = nullptr;
  const char* run_ = nullptr;  // what has been read and not yet written, if it is to be
  bool changed_ = false;
  Frame frames_[kMostDepth];
  int depth_ = 0;
  int open_ = 0;  // so many of the frames have their beginnings written
  WorkBudget budget_;
  JointsSeen joints_;
  absl::InlinedVector<std::shared_ptr<const MaskPlan>, 2> content_plans_;  // of the Any that are open
  size_t looked_ahead_ = 0;                                                // bytes of groups, for their keys
  std::string found_;                                                      // a text in which finds were masked
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_MASK_WALKER_H_
