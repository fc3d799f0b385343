// What stands in place of messages that are masked as a whole.
#ifndef SALLYPORT_POLICY_MASKING_BLANK_MESSAGES_H_
#define SALLYPORT_POLICY_MASKING_BLANK_MESSAGES_H_

#include <google/protobuf/descriptor.h>

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace sallyport::policy {

// The smallest messages that parse: empty, but for what is required, which is empty or 0 or an enum's first value. Not
// thread-safe. The descriptors must outlive it.
class BlankMessages {
 public:
  // RESOURCE_EXHAUSTED if it would be too large or too deep. A type that requires itself has no message that parses.
  absl::StatusOr<std::string> Of(const google::protobuf::Descriptor& type) { return Make(type, 0); }

  // The field is there whatever happens: it is required, or the value of a map and of a type that has required fields.
  absl::StatusOr<bool> MustStay(const google::protobuf::FieldDescriptor& field);

 private:
  absl::StatusOr<std::string> Make(const google::protobuf::Descriptor& type, int depth);
  absl::Status Append(const google::protobuf::FieldDescriptor& field, int depth, std::string* out);

  std::map<const google::protobuf::Descriptor*, std::string> made_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_BLANK_MESSAGES_H_
