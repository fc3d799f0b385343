#include "policy/masking/content_check.h"

#include <google/protobuf/descriptor.pb.h>

#include <bit>
#include <string>

#include "absl/strings/str_cat.h"
#include "policy/masking/wire_field.h"

namespace sallyport::policy {
namespace {

using pb_field = google::protobuf::FieldDescriptor;

std::string ScalarText(const pb_field& field, uint64_t raw) {
  switch (field.type()) {
    case pb_field::TYPE_BOOL:
      return raw != 0 ? "true" : "false";
    case pb_field::TYPE_ENUM: {
      const auto* value = field.enum_type()->FindValueByNumber(static_cast<int>(raw));
      return value != nullptr ? value->name() : absl::StrCat(static_cast<int>(raw));
    }
    case pb_field::TYPE_INT32:
    case pb_field::TYPE_INT64:
    case pb_field::TYPE_SFIXED64:
      return absl::StrCat(static_cast<int64_t>(raw));
    case pb_field::TYPE_SFIXED32:
      return absl::StrCat(static_cast<int32_t>(raw));
    case pb_field::TYPE_SINT32:
    case pb_field::TYPE_SINT64:
      return absl::StrCat(UnZigZag(raw));
    case pb_field::TYPE_FLOAT:
      return absl::StrCat(std::bit_cast<float>(static_cast<uint32_t>(raw)));
    case pb_field::TYPE_DOUBLE:
      return absl::StrCat(std::bit_cast<double>(raw));
    default:
      return absl::StrCat(raw);
  }
}

class Visitor {
 public:
  Visitor(const MaskPlan& plan, absl::FunctionRef<bool(const VisitedValue&)> visit) : plan_(plan), visit_(visit) {}

  // How many bytes of what is not known, and of messages as a whole, are visited at most, each counted as often as it
  // is visited.
  void set_budget(size_t bytes) { budget_ = bytes; }

  // A message, or with `group` what is left of one up to the end of the group.
  // `later`: parsers merge it with a part that came before.
  bool Message(const MaskPlan::Node& node, WireReader& reader, uint32_t group, int depth, bool later = false) {
    if (depth > kMostDepth || (node.is_any && group != 0)) return false;
    if (node.keys != MaskPlan::kNone) {
      size_t looked = 0;
      const MaskPlan::Node* const chosen =
          later ? nullptr : node.plan->NodeByKeys(node, reader, group, kMostDepth - depth, &looked);
      return chosen != nullptr && Afford(looked) && Message(*chosen, reader, group, depth);
    }
    AnyContent content;
    if (node.is_any) {
      content = ContentOf(node, reader.rest());
      if (!content.sound) return false;
      if (later && !(content.has_url && content.has_value)) return false;
    }
    const size_t joints = joints_.Open(node);
    const bool read = Fields(node, content, reader, group, depth, {joints, later});
    joints_.Close(joints);
    return read;
  }

 private:
  // Which parts of a message have come.
  struct Parts {
    size_t joints;  // in joints_
    bool later;     // of itself
  };

  bool Fields(const MaskPlan::Node& node, const AnyContent& content, WireReader& reader, uint32_t group, int depth,
              const Parts& parts) {
    while (!over_ && !reader.done()) {
      uint32_t number = 0;
      WireType type = WireType::kVarint;
      bool minimal = false;
      if (!reader.ReadTag(&number, &type, &minimal)) return false;
      if (type == WireType::kEndGroup) return group != 0 && number == group;
      const MaskPlan::Field* const field = node.plan->Find(node, number);
      const WireType wanted = field == nullptr ? type : WireTypeOf(field->descriptor->type());
      // What follows is a part of a message of which another one came before.
      const bool joins = field != nullptr && type == wanted && field->joint != MaskPlan::kNone &&
                         (parts.later || joints_.Mark(parts.joints, field->joint));
      if (joins && field->selection != MaskPlan::kNone) return false;
      const bool packed =
          field != nullptr && type == WireType::kLength && wanted != type && IsPackable(*field->descriptor);
      if (field == nullptr || (type != wanted && !packed)) {
        if (!UnknownField(node, number, type, reader, depth)) return false;
      } else if (type == WireType::kLength) {
        std::string_view bytes;
        if (!reader.ReadLength(&bytes, &minimal)) return false;
        if (node.is_any && number == kAnyValue) {
          if (field->selection != MaskPlan::kNone) Visit(node, *field, bytes);
          if (!over_ && !AnyValue(node, content, bytes, depth)) return false;
        } else if (!Length(node, *field, bytes, packed, depth, joins)) {
          return false;
        }
      } else if (type == WireType::kStartGroup) {
        if (!Group(node, *field, reader, depth, joins)) return false;
      } else {
        uint64_t raw = 0;
        if (!ReadScalar(*field->descriptor, reader, &raw)) return false;
        Scalar(node, *field, raw);
      }
    }
    return over_ || group == 0;
  }

  void Visit(const MaskPlan::Node& node, const MaskPlan::Field& field, std::string_view text) {
    if (!visit_({node.type, field.number, field.descriptor, text})) over_ = true;
  }
  // Takes so many bytes out of the budget; false if they are not there.
  bool Afford(size_t bytes) {
    if (bytes > budget_) return false;
    budget_ -= bytes;
    return true;
  }
  // Visits bytes of which it is not known what they are, and what is in them if they are a message or (what is left of)
  // a group.
  // False if that is more than is worth it.
  bool Unknown(const MaskPlan::Node& node, uint32_t number, std::string_view bytes, int depth = 0) {
    if (depth > kMostDepth || !Afford(bytes.size())) return false;
    if (!visit_({node.type, number, nullptr, bytes})) over_ = true;
    WireReader reader(bytes);
    while (!over_ && !reader.done()) {
      uint32_t inner = 0;
      WireType type = WireType::kVarint;
      bool minimal = false;
      if (!reader.ReadTag(&inner, &type, &minimal)) return true;
      if (type == WireType::kStartGroup || type == WireType::kEndGroup) continue;
      std::string_view content;
      if (type == WireType::kLength) {
        if (!reader.ReadLength(&content, &minimal)) return true;
        if (!Unknown(node, number, content, depth + 1)) return false;
      } else if (!reader.SkipValue(inner, type, 0)) {
        return true;
      }
    }
    return true;
  }

  bool UnknownField(const MaskPlan::Node& node, uint32_t number, WireType type, WireReader& reader, int depth) {
    // The items of a message set are groups, which say themselves of which extension they are.
    if (type == WireType::kStartGroup && node.type->options().message_set_wire_format()) return false;
    const char* const begin = reader.at();
    std::string_view bytes;
    bool minimal = false;
    if (type == WireType::kLength) {
      if (!reader.ReadLength(&bytes, &minimal)) return false;
    } else {
      if (!reader.SkipValue(number, type, kMostDepth - depth)) return false;
      if (type == WireType::kStartGroup) bytes = {begin, static_cast<size_t>(reader.at() - begin)};
    }
    return !plan_.looks_into_texts() || bytes.empty() || Unknown(node, number, bytes);
  }

  bool AnyValue(const MaskPlan::Node& node, const AnyContent& content, std::string_view bytes, int depth) {
    if (!content.known && plan_.looks_into_texts() && !Unknown(node, kAnyValue, bytes)) return false;
    if (content.node == nullptr) return true;
    WireReader reader(bytes);
    return Message(*content.node, reader, 0, depth + 1);
  }

  bool Length(const MaskPlan::Node& node, const MaskPlan::Field& field, std::string_view bytes, bool packed, int depth,
              bool joins) {
    if (packed) {
      WireReader reader(bytes);
      while (!over_ && field.selection != MaskPlan::kNone && !reader.done()) {
        uint64_t raw = 0;
        if (!ReadScalar(*field.descriptor, reader, &raw)) return false;
        Scalar(node, field, raw);
      }
      return true;
    }
    if (field.dark && plan_.looks_into_texts()) return Unknown(node, field.number, bytes);
    if (field.selection != MaskPlan::kNone && field.child != MaskPlan::kNone && !Afford(bytes.size())) return false;
    if (field.selection != MaskPlan::kNone || field.text) Visit(node, field, bytes);
    if (over_ || field.child == MaskPlan::kNone) return true;
    WireReader reader(bytes);
    return Message(node.plan->node(field.child), reader, 0, depth + 1, joins);
  }

  bool Group(const MaskPlan::Node& node, const MaskPlan::Field& field, WireReader& reader, int depth, bool joins) {
    const bool walks = field.child != MaskPlan::kNone;
    if (walks && field.selection == MaskPlan::kNone) {
      return Message(node.plan->node(field.child), reader, field.number, depth + 1, joins);
    }
    const char* const begin = reader.at();
    WireReader behind = reader;
    if (!behind.SkipValue(field.number, WireType::kStartGroup, kMostDepth - depth)) return false;
    const std::string_view bytes(begin, static_cast<size_t>(behind.at() - begin));
    if (walks && !Afford(bytes.size())) return false;
    if (field.selection != MaskPlan::kNone) Visit(node, field, bytes);
    if (!over_ && walks) {
      return Message(node.plan->node(field.child), reader, field.number, depth + 1, joins);
    }
    reader = behind;
    return true;
  }

  void Scalar(const MaskPlan::Node& node, const MaskPlan::Field& field, uint64_t raw) {
    if (field.selection != MaskPlan::kNone) Visit(node, field, ScalarText(*field.descriptor, raw));
  }

  const MaskPlan& plan_;
  const absl::FunctionRef<bool(const VisitedValue&)> visit_;
  JointsSeen joints_;
  bool over_ = false;  // nobody wants more
  size_t budget_ = 0;
};

}  // namespace

bool VisitValues(const MaskPlan& plan, std::string_view message, absl::FunctionRef<bool(const VisitedValue&)> visit) {
  constexpr size_t kTimes = 16;  // an unknown message in an unknown message …
  constexpr size_t kLittle = 64 << 10;
  WireReader reader(message);
  Visitor visitor(plan, visit);
  visitor.set_budget(kTimes * message.size() + kLittle);
  return visitor.Message(plan.node(0), reader, 0, 1);
}

}  // namespace sallyport::policy
