// Messages as JSON Schema, as protobuf's JSON mapping has them.
#ifndef SALLYPORT_GATEWAY_API_DOOR_OPEN_API_SCHEMA_H_
#define SALLYPORT_GATEWAY_API_DOOR_OPEN_API_SCHEMA_H_

#include <google/protobuf/descriptor.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace sallyport::gateway {

// Collects the schemas of messages and enumerations, and of all that those use, each once.
class OpenApiSchemas {
 public:
  using Json = nlohmann::ordered_json;

  // A reference to the schema of `type`, which is one of those that are written.
  Json Use(const google::protobuf::Descriptor& type);
  // All that has been used, by name.
  Json Take();

 private:
  Json Use(const google::protobuf::EnumDescriptor& type);
  Json Reference(const std::string& name);
  Json MessageSchema(const google::protobuf::Descriptor& type);
  Json EnumSchema(const google::protobuf::EnumDescriptor& type);
  Json FieldSchema(const google::protobuf::FieldDescriptor& field);
  Json ValueSchema(const google::protobuf::FieldDescriptor& field);

  std::set<std::string> known_;
  std::vector<const google::protobuf::Descriptor*> messages_;  // still to be written
  std::vector<const google::protobuf::EnumDescriptor*> enums_;
};

// What the proto says of it: the comment before it, and the one behind it on its line; empty if there is none.
template <typename Descriptor>
std::string CommentOf(const Descriptor& descriptor);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_OPEN_API_SCHEMA_H_
