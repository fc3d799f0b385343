// What descriptors say about how sensitive a field is.
#ifndef SALLYPORT_POLICY_MASKING_FIELD_OPTIONS_H_
#define SALLYPORT_POLICY_MASKING_FIELD_OPTIONS_H_

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace sallyport::policy {

struct FieldOptions {
  std::string sensitive_class;  // of (sallyport.v1.sensitive)
  std::string holds;            // the same option: the type of the message in a bytes field
  std::set<uint32_t> set;       // numbers of options that hold a varint other than 0: booleans that are true
};

// Read from the options' bytes: which options the process itself knows does not matter.
FieldOptions ReadFieldOptions(const google::protobuf::FieldDescriptor& field);
FieldOptions ReadFieldOptions(std::string_view options);  // a serialised google.protobuf.FieldOptions

// The number of a boolean field option by its full name, "debug_redact" included; 0 if the pool has none by that name.
uint32_t OptionNumber(const google::protobuf::DescriptorPool& pool, const std::string& name);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_FIELD_OPTIONS_H_
