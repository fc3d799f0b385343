#include "tests/policy/masking/reference_content.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "policy/glob.h"
#include "policy/masking/detectors.h"
#include "policy/masking/field_options.h"
#include "tests/policy/masking/reference_mask.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

std::string ScalarText(const pb::Message& message, const pb::FieldDescriptor& field, int i) {
  const pb::Reflection& r = *message.GetReflection();
  const bool many = field.is_repeated();
#define GET(Kind) (many ? r.GetRepeated##Kind(message, &field, i) : r.Get##Kind(message, &field))
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(GET(Int32));
    case pb::FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(GET(Int64));
    case pb::FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(GET(UInt32));
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(GET(UInt64));
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      return GET(Bool) ? "true" : "false";
    case pb::FieldDescriptor::CPPTYPE_FLOAT:
      return absl::StrCat(GET(Float));
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrCat(GET(Double));
    case pb::FieldDescriptor::CPPTYPE_ENUM: {
      const int number = GET(EnumValue);
      const auto* value = field.enum_type()->FindValueByNumber(number);
      return value != nullptr ? value->name() : absl::StrCat(number);
    }
    default:
      return GET(String);
  }
#undef GET
}

class Content {
 public:
  Content(const std::vector<ReferenceCondition>& conditions, bool detects)
      : conditions_(conditions), detects_(detects) {}

  bool Refuses(const pb::Message& message) {
    const pb::Reflection& r = *message.GetReflection();
    const pb::Descriptor& type = *message.GetDescriptor();
    const bool of_any = type.full_name() == "google.protobuf.Any";
    std::vector<const pb::FieldDescriptor*> fields;
    r.ListFields(message, &fields);
    // Entries of maps are written whole.
    if (type.options().map_entry()) fields = {type.field(0), type.field(1)};
    for (const pb::FieldDescriptor* field : fields) {
      path_.push_back({type.full_name(), field->name(), of_any ? nullptr : &message});
      bool refused = false;
      for (int i = 0; i < (field->is_repeated() ? r.FieldSize(message, field) : 1) && !refused; ++i) {
        refused = OneRefuses(message, *field, i);
      }
      path_.pop_back();
      if (refused) return true;
    }
    return false;
  }

 private:
  bool OneRefuses(const pb::Message& message, const pb::FieldDescriptor& field, int i) {
    const pb::Reflection& r = *message.GetReflection();
    if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
      if (Holds("", true, true)) return true;
      return Refuses(field.is_repeated() ? r.GetRepeatedMessage(message, &field, i) : r.GetMessage(message, &field));
    }
    const std::string text = ScalarText(message, field, i);
    const pb::Descriptor* inner = nullptr;
    if (field.type() == pb::FieldDescriptor::TYPE_BYTES) inner = TypeIn(message, field);
    const bool of_any = message.GetDescriptor()->full_name() == "google.protobuf.Any";
    if (Holds(text, inner != nullptr && !of_any, false)) return true;
    if (inner != nullptr) {
      pb::DynamicMessageFactory factory;
      const std::unique_ptr<pb::Message> held(factory.GetPrototype(inner)->New());
      if (!held->ParseFromString(text)) return false;
      // What is in an Any is where the Any is.
      const ReferenceStep last = path_.back();
      if (of_any) path_.pop_back();
      const bool refused = Refuses(*held);
      if (of_any) path_.push_back(last);
      return refused;
    }
    return detects_ && field.cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING && HasCard(text);
  }

  static const pb::Descriptor* TypeIn(const pb::Message& message, const pb::FieldDescriptor& field) {
    const pb::DescriptorPool& pool = *message.GetDescriptor()->file()->pool();
    if (message.GetDescriptor()->full_name() != "google.protobuf.Any") {
      return pool.FindMessageTypeByName(ReadFieldOptions(field).holds);
    }
    const std::string url = message.GetReflection()->GetString(message, message.GetDescriptor()->FindFieldByNumber(1));
    return pool.FindMessageTypeByName(url.substr(url.rfind('/') + 1));
  }

  // `holder`: what stands here holds a message, `message`: it is one.
  bool Holds(const std::string& text, bool holder, bool message) const {
    for (const ReferenceCondition& condition : conditions_) {
      for (size_t i = path_.size(); i-- > 0;) {
        bool whole = false;
        if (!ReferenceMeans(condition.glob, path_, i, ReferenceKeys::kAsTheyAre, &whole) || (holder && !whole)) {
          continue;
        }
        if (message ? condition.value == "*" : GlobMatches(condition.value, text)) return true;
      }
    }
    return false;
  }

  static bool HasCard(const std::string& text) {
    static const auto& detectors = *new std::shared_ptr<const Detectors>(*Detectors::Create({"payment_card"}, {}));
    std::vector<Detection> found;
    detectors->Find(text, &found);
    return !found.empty();
  }

  const std::vector<ReferenceCondition>& conditions_;
  const bool detects_;
  std::vector<ReferenceStep> path_;
};

}  // namespace

bool ReferenceRefuses(const std::vector<ReferenceCondition>& conditions, bool detects, const pb::Message& message) {
  return Content(conditions, detects).Refuses(message);
}

}  // namespace sallyport::policy
