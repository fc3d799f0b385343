// Small descriptor sets for tests.
#ifndef SALLYPORT_TESTS_POLICY_DESCRIPTOR_FILES_H_
#define SALLYPORT_TESTS_POLICY_DESCRIPTOR_FILES_H_

#include <google/protobuf/descriptor.pb.h>

#include <string>
#include <vector>

namespace sallyport::policy {

// A proto3 file in package "shop" that imports `imports`.
inline google::protobuf::FileDescriptorProto File(const std::string& name, const std::vector<std::string>& imports = {},
                                                  const std::string& package = "shop") {
  google::protobuf::FileDescriptorProto file;
  file.set_name(name);
  file.set_package(package);
  file.set_syntax("proto3");
  for (const std::string& import : imports) file.add_dependency(import);
  return file;
}

inline void AddField(google::protobuf::DescriptorProto* message, const std::string& name, int number,
                     google::protobuf::FieldDescriptorProto::Type type, const std::string& type_name = "") {
  google::protobuf::FieldDescriptorProto* field = message->add_field();
  field->set_name(name);
  field->set_number(number);
  field->set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
  field->set_type(type);
  if (!type_name.empty()) field->set_type_name(type_name);
}

// shop.proto: service shop.Orders with one method of each kind over shop.Order, which holds a string, a number, an
// Order and an Any.
inline google::protobuf::FileDescriptorSet ShopSet() {
  using google::protobuf::FieldDescriptorProto;
  google::protobuf::FileDescriptorSet set;
  google::protobuf::FileDescriptorProto& file = *set.add_file();
  file = File("shop.proto", {"google/protobuf/any.proto"});
  google::protobuf::DescriptorProto* order = file.add_message_type();
  order->set_name("Order");
  AddField(order, "card_number", 1, FieldDescriptorProto::TYPE_STRING);
  AddField(order, "amount", 2, FieldDescriptorProto::TYPE_INT64);
  AddField(order, "next", 3, FieldDescriptorProto::TYPE_MESSAGE, ".shop.Order");
  AddField(order, "detail", 4, FieldDescriptorProto::TYPE_MESSAGE, ".google.protobuf.Any");
  AddField(order, "raw", 5, FieldDescriptorProto::TYPE_BYTES);
  google::protobuf::ServiceDescriptorProto* service = file.add_service();
  service->set_name("Orders");
  for (int kind = 0; kind < 4; ++kind) {
    google::protobuf::MethodDescriptorProto* method = service->add_method();
    method->set_name(std::vector<std::string>{"Get", "Upload", "Watch", "Chat"}[kind]);
    method->set_input_type(".shop.Order");
    method->set_output_type(".shop.Order");
    method->set_client_streaming((kind & 1) != 0);
    method->set_server_streaming((kind & 2) != 0);
  }
  return set;
}

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_DESCRIPTOR_FILES_H_
