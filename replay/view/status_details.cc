#include "replay/view/status_details.h"

#include <google/protobuf/descriptor.pb.h>

#include <initializer_list>
#include <vector>

#include "policy/messages/message_printer.h"

namespace sallyport::replay {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

// A field's number is its place in the list, from 1. `type` is "string", "int32" or a message's full name with a
// leading dot.
struct Field {
  const char* name;
  const char* type;
  bool repeated = false;
};

DescriptorProto* AddMessage(DescriptorProto* message, const char* name, std::initializer_list<Field> fields) {
  message->set_name(name);
  for (const Field& field : fields) {
    FieldDescriptorProto* added = message->add_field();
    added->set_name(field.name);
    added->set_number(message->field_size());
    added->set_label(field.repeated ? FieldDescriptorProto::LABEL_REPEATED : FieldDescriptorProto::LABEL_OPTIONAL);
    const std::string type = field.type;
    if (type.front() == '.') {
      added->set_type(FieldDescriptorProto::TYPE_MESSAGE);
      added->set_type_name(type);
    } else {
      added->set_type(type == "int32" ? FieldDescriptorProto::TYPE_INT32 : FieldDescriptorProto::TYPE_STRING);
    }
  }
  return message;
}

FileDescriptorProto NewFile(const char* name, const char* package, std::initializer_list<const char*> imports) {
  FileDescriptorProto file;
  file.set_name(name);
  file.set_package(package);
  file.set_syntax("proto3");
  for (const char* import : imports) file.add_dependency(import);
  return file;
}

FileDescriptorProto StatusFile() {
  FileDescriptorProto file = NewFile("google/rpc/status.proto", "google.rpc", {"google/protobuf/any.proto"});
  AddMessage(file.add_message_type(), "Status",
             {{"code", "int32"}, {"message", "string"}, {"details", ".google.protobuf.Any", true}});
  return file;
}

// The messages of the public API google/rpc/error_details.proto: names, numbers and types are its wire contract.
FileDescriptorProto ErrorDetailsFile() {
  FileDescriptorProto file =
      NewFile("google/rpc/error_details.proto", "google.rpc", {"google/protobuf/duration.proto"});
  const auto add = [&](const char* name, std::initializer_list<Field> fields) {
    return AddMessage(file.add_message_type(), name, fields);
  };
  DescriptorProto* info =
      add("ErrorInfo",
          {{"reason", "string"}, {"domain", "string"}, {"metadata", ".google.rpc.ErrorInfo.MetadataEntry", true}});
  AddMessage(info->add_nested_type(), "MetadataEntry", {{"key", "string"}, {"value", "string"}})
      ->mutable_options()
      ->set_map_entry(true);
  add("RetryInfo", {{"retry_delay", ".google.protobuf.Duration"}});
  add("DebugInfo", {{"stack_entries", "string", true}, {"detail", "string"}});
  AddMessage(add("QuotaFailure", {{"violations", ".google.rpc.QuotaFailure.Violation", true}})->add_nested_type(),
             "Violation", {{"subject", "string"}, {"description", "string"}});
  AddMessage(add("PreconditionFailure", {{"violations", ".google.rpc.PreconditionFailure.Violation", true}})
                 ->add_nested_type(),
             "Violation", {{"type", "string"}, {"subject", "string"}, {"description", "string"}});
  AddMessage(
      add("BadRequest", {{"field_violations", ".google.rpc.BadRequest.FieldViolation", true}})->add_nested_type(),
      "FieldViolation", {{"field", "string"}, {"description", "string"}});
  add("RequestInfo", {{"request_id", "string"}, {"serving_data", "string"}});
  add("ResourceInfo",
      {{"resource_type", "string"}, {"resource_name", "string"}, {"owner", "string"}, {"description", "string"}});
  AddMessage(add("Help", {{"links", ".google.rpc.Help.Link", true}})->add_nested_type(), "Link",
             {{"description", "string"}, {"url", "string"}});
  add("LocalizedMessage", {{"locale", "string"}, {"message", "string"}});
  return file;
}

// They are the same in every store.
const absl::StatusOr<std::shared_ptr<const policy::Descriptors>>& StandardDetails() {
  static const auto& details = *new absl::StatusOr<std::shared_ptr<const policy::Descriptors>>([] {
    FileDescriptorSet set;
    *set.add_file() = StatusFile();
    *set.add_file() = ErrorDetailsFile();
    return policy::Descriptors::Create(set, "standard status details");
  }());
  return details;
}

// The service's own types come first.
class DetailTypes final : public policy::MessageTypes {
 public:
  DetailTypes(const policy::MessageTypes& known, const policy::MessageTypes& standard)
      : known_(known), standard_(standard) {}

  const google::protobuf::Descriptor* FindMessage(const std::string& full_name) const override {
    const google::protobuf::Descriptor* const found = known_.FindMessage(full_name);
    return found != nullptr ? found : standard_.FindMessage(full_name);
  }
  const google::protobuf::FieldDescriptor* FindExtension(const google::protobuf::Descriptor& extended,
                                                         uint32_t number) const override {
    return known_.FindExtension(extended, number);
  }

 private:
  const policy::MessageTypes& known_;
  const policy::MessageTypes& standard_;
};

}  // namespace

absl::StatusOr<std::string> StatusDetailsJson(const std::shared_ptr<const policy::Descriptors>& known,
                                              std::string_view value, policy::JsonStyle style) {
  const absl::StatusOr<std::shared_ptr<const policy::Descriptors>>& standard = StandardDetails();
  if (!standard.ok()) return standard.status();
  const DetailTypes types(known->types(), (*standard)->types());
  std::string json;
  policy::MessagePrinter(types, style).Append(*types.FindMessage("google.rpc.Status"), value, &json);
  return json;
}

}  // namespace sallyport::replay
