#include "policy/messages/message_comparison.h"

#include "policy/messages/decoded_message.h"
#include "policy/messages/tree_comparison.h"
#include "policy/messages/well_known_types.h"
#include "policy/messages/wire.h"

namespace sallyport::policy {

namespace pb = google::protobuf;

MessageDifferences CompareMessages(const MessageTypes& types, const pb::Descriptor& type, std::string_view left,
                                   std::string_view right, const ComparisonBounds& bounds) {
  if (left == right) return {};
  if (left.size() > kMostLength || right.size() > kMostLength) return {{{"", "more than 2 GiB", "more than 2 GiB"}}, 1};
  MessageReader left_reader(types, left);
  MessageReader right_reader(types, right);
  TreeComparison comparison(left_reader, right_reader, bounds);
  comparison.Messages(type, {left_reader.whole(), nullptr, right_reader.whole(), nullptr});
  return comparison.Take();
}

// Well-known types.

// False where the message is to be compared field by field.
bool TreeComparison::WellKnown(const LevelPair& levels) {
  switch (WellKnownTypeOf(levels.left.type())) {
    case WellKnownType::kNone:
      return false;
    case WellKnownType::kAny:
      Any(levels);
      break;
    case WellKnownType::kStruct:
    case WellKnownType::kListValue: {
      // Their one field is not named in JSON.
      const auto range = [](const DecodedMessage& level) {
        const DecodedField* const found = level.Find(1);
        return found == nullptr ? OccurrenceRange{} : found->values;
      };
      const pb_field& field = *levels.left.type().FindFieldByNumber(1);
      if (field.is_map()) {
        Maps(levels, field, range(levels.left), range(levels.right));
      } else {
        Elements(levels, field, range(levels.left), range(levels.right));
      }
      break;
    }
    case WellKnownType::kValue:
      Value(levels);
      return true;
    default:
      AsOne(levels);
      return true;
  }
  Extras(levels);
  return true;
}

void TreeComparison::AsOne(const LevelPair& levels) {
  const bool found_before = found_;
  found_ = false;
  ++quiet_;
  Fields(levels);
  Extras(levels);
  --quiet_;
  const bool found = found_;
  found_ = found_before;
  if (!found) return;
  AddDifference([&](TreePrinter& printer, JsonWriter&) { printer.Level(levels.left); },
                [&](TreePrinter& printer, JsonWriter&) { printer.Level(levels.right); });
}

void TreeComparison::Value(const LevelPair& levels) {
  const auto only = [](const DecodedMessage& level) {
    return level.clean_but_for_parts() ? ValueKind(level) : nullptr;
  };
  const DecodedField* const left = only(levels.left);
  const DecodedField* const right = only(levels.right);
  const bool into = left != nullptr && right != nullptr && left->descriptor == right->descriptor &&
                    left->descriptor->cpp_type() == pb_field::CPPTYPE_MESSAGE;
  if (!into) return AsOne(levels);
  Field(levels, DecodedField(*left), DecodedField(*right));
}

void TreeComparison::Any(const LevelPair& levels) {
  const auto text = [](const MessageReader& reader, OccurrenceRange range) {
    return range.size() == 0 ? std::string_view() : reader.bytes(reader.occurrence(range.first));
  };
  const std::string_view left_url = text(left_, AnyField(levels.left, kAnyTypeUrl));
  const std::string_view right_url = text(right_, AnyField(levels.right, kAnyTypeUrl));
  const OccurrenceRange left = AnyField(levels.left, kAnyValue);
  const OccurrenceRange right = AnyField(levels.right, kAnyValue);
  const pb::Descriptor* const type = AnyType(left_.types(), left_url);
  if (type != AnyType(right_.types(), right_url)) return AsOne(levels);
  if (left_url != right_url) {
    const Step step(*this, "@type");
    AddDifference([&](TreePrinter& printer, JsonWriter&) { printer.Text(left_url); },
                  [&](TreePrinter& printer, JsonWriter&) { printer.Text(right_url); });
  }
  if (type == nullptr) {
    if (text(left_, left) == text(right_, right)) return;
    const Step step(*this, "@bytes");
    return AddDifference([&](TreePrinter&, JsonWriter& json) { json.Base64(text(left_, left)); },
                         [&](TreePrinter&, JsonWriter& json) { json.Base64(text(right_, right)); });
  }
  const MessagePair content{left, &levels.left, right, &levels.right};
  if (WellKnownTypeOf(*type) == WellKnownType::kNone) return Messages(*type, content);
  const Step step(*this, "value");
  Messages(*type, content);
}

}  // namespace sallyport::policy
