// Where in the messages of a type something is to be done, as a flat table.
#ifndef SALLYPORT_POLICY_MASKING_MASK_PLAN_H_
#define SALLYPORT_POLICY_MASKING_MASK_PLAN_H_

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/masking/field_glob.h"
#include "policy/masking/key_table.h"
#include "policy/messages/wire.h"

namespace sallyport::policy {

// Which fields are meant.
struct FieldSelection {
  std::vector<FieldGlob> globs;
  std::vector<std::string> classes;  // globs
  std::vector<std::string> options;  // full names of boolean options
};

class AnyContents;

// A plan is made for a list of selections, which are told apart by their places in it. What an Any holds has a plan of
// its own, compiled when a message of that type first comes. Thread-safe, and immutable but for that; descriptors and
// selections must outlive it.
class MaskPlan {
 public:
  static constexpr int32_t kNone = -1;

  struct Field {
    uint32_t number = 0;
    int32_t selection = kNone;           // the first one that means the field as a whole
    int32_t child = kNone;               // the node of the message in it, if something is to be done there
    bool text = false;                   // a string or bytes field to be looked into
    bool dark = false;                   // a bytes field that holds a message of a type that is not known
    bool stays = false;                  // messages without it do not parse
    int32_t joint = kNone;               // its place among the node's fields whose parts depend on each other
    const std::string* blank = nullptr;  // of a message that is masked as a whole, what stays in it; null: nothing
    const google::protobuf::FieldDescriptor* descriptor = nullptr;
  };

  struct Node {
    uint32_t first = 0;  // of its fields, which are in the order of their numbers
    uint32_t count = 0;
    // Something is to be done here or beneath. Everywhere in what a mask is about altogether, so that unknown fields
    // are dropped there, and where messages of unknown types may stand.
    bool active = false;
    bool keeps_unknown = false;  // unknown fields stay
    bool is_any = false;         // a google.protobuf.Any: see FindAny
    // Parsers merge what comes of a message field that is not repeated. Where an Any stands in it, or beneath it over
    // such fields, one part may say of which type a value in another one is.
    uint32_t joints = 0;  // so many fields are of that kind
    // What is to be done depends on keys in the message: the node has nothing of its own, see NodeByKeys.
    int32_t keys = kNone;
    const google::protobuf::Descriptor* type = nullptr;
    const MaskPlan* plan = nullptr;  // that it is of
    int32_t any = kNone;             // of an Any: its place among the plan's
  };

  struct Request {
    const google::protobuf::Descriptor* root = nullptr;
    // Of contents of Any and of `holds`; may be another one than the root's.
    const google::protobuf::DescriptorPool* pool = nullptr;
    std::vector<const FieldSelection*> selections;
    bool texts = false;  // all strings and bytes are to be looked into
    // To look, and not to hide: a message that is selected is looked at as a whole, and what is in it as well.
    bool whole = false;
    std::vector<std::string> keeps_unknown;  // globs over type names
  };
  // RESOURCE_EXHAUSTED if the types lead to too many nodes, to a message that stays too large masked as a whole, or to
  // too many combinations of keys.
  static absl::StatusOr<std::unique_ptr<const MaskPlan>> Compile(const Request& request);

  // Nothing is to be done in any message.
  bool passes() const { return !nodes_[0].active; }
  // It was made to look into all texts.
  bool looks_into_texts() const { return texts_; }
  // About how much memory it takes, without what Any have held so far: AnyContents bounds that.
  size_t bytes() const { return bytes_; }
  const Node& node(int32_t number) const { return nodes_[static_cast<size_t>(number)]; }
  // What is to be done in an Any that says it is of a type.
  struct Content {
    bool known = false;                    // the type is
    bool sound = true;                     // it has a plan, if it is known: it does not lead to too much
    std::shared_ptr<const MaskPlan> plan;  // null if nothing is to be done in it; to be kept while it is used
  };
  Content ContentOf(const Node& any, std::string_view type_name) const;
  // The node for a message at one with keys, of which `reader` has what follows; null if it can't be said. The rest is
  // as for KeyTable::Outcome.
  const Node* NodeByKeys(const Node& node, const WireReader& reader, uint32_t group, int depth, size_t* looked) const {
    const Choice& choice = choices_[static_cast<size_t>(node.keys)];
    const std::optional<size_t> outcome = choice.keys.Outcome(reader, group, depth, looked);
    return outcome.has_value() ? &nodes_[static_cast<size_t>(choice.nodes[*outcome])] : nullptr;
  }
  // Null if the node's type has no field by that number.
  const Field* Find(const Node& node, uint32_t number) const {
    const Field* const begin = fields_.data() + node.first;
    // Most types number their fields from 1 on.
    if (number - 1 < node.count && begin[number - 1].number == number) return begin + (number - 1);
    return FindSlowly(begin, begin + node.count, number);
  }

 private:
  friend class AnyContents;
  class Compiler;
  // How far each glob has come, by its place among all of the request.
  using Progress = std::vector<std::pair<uint32_t, FieldGlob::Places>>;
  MaskPlan() = default;
  static const Field* FindSlowly(const Field* begin, const Field* end, uint32_t number);

  // By outcome, the node for it.
  struct Choice {
    KeyTable keys;
    std::vector<int32_t> nodes;
  };

  std::vector<Node> nodes_;  // the first is the root's
  std::vector<Choice> choices_;
  std::vector<Field> fields_;
  std::deque<std::string> blanks_;
  std::vector<Progress> anys_;                 // how far globs have come at each Any
  std::shared_ptr<AnyContents> own_contents_;  // of the plan of a whole message
  AnyContents* contents_ = nullptr;            // those, or of the plan that this one is made for
  bool texts_ = false;
  size_t bytes_ = 0;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_MASK_PLAN_H_
