#include "policy/masking/field_options.h"

#include "policy/messages/wire.h"
#include "sallyport/v1/options.pb.h"

namespace sallyport::policy {
namespace {

// Of google.protobuf.FieldOptions, from protobuf 22 on.
constexpr uint32_t kDebugRedact = 16;

}  // namespace

FieldOptions ReadFieldOptions(const google::protobuf::FieldDescriptor& field) {
  return ReadFieldOptions(field.options().SerializeAsString());
}

FieldOptions ReadFieldOptions(std::string_view bytes) {
  FieldOptions options;
  v1::Sensitive sensitive;  // of all parts that it comes in
  WireReader reader(bytes);
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  bool minimal = false;
  while (!reader.done() && reader.ReadTag(&number, &type, &minimal)) {
    uint64_t varint = 0;
    std::string_view value;
    if (type == WireType::kVarint) {
      if (!reader.ReadVarint(&varint, &minimal)) break;
      if (varint != 0) options.set.insert(number);
      if (varint == 0) options.set.erase(number);
    } else if (type == WireType::kLength && number == static_cast<uint32_t>(v1::kSensitiveFieldNumber)) {
      if (!reader.ReadLength(&value, &minimal)) break;
      v1::Sensitive part;
      if (part.ParseFromArray(value.data(), static_cast<int>(value.size()))) sensitive.MergeFrom(part);
    } else if (!reader.SkipValue(number, type, kMostDepth)) {
      break;
    }
  }
  options.sensitive_class = sensitive.class_();
  options.holds = sensitive.holds();
  return options;
}

uint32_t OptionNumber(const google::protobuf::DescriptorPool& pool, const std::string& name) {
  if (name == "debug_redact") return kDebugRedact;
  const google::protobuf::FieldDescriptor* option = pool.FindExtensionByName(name);
  const bool fits = option != nullptr && option->containing_type()->full_name() == "google.protobuf.FieldOptions" &&
                    option->type() == google::protobuf::FieldDescriptor::TYPE_BOOL;
  return fits ? static_cast<uint32_t>(option->number()) : 0;
}

}  // namespace sallyport::policy
