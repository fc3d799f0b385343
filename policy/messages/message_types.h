// Where the types are found that messages name by themselves.
#ifndef SALLYPORT_POLICY_MESSAGES_MESSAGE_TYPES_H_
#define SALLYPORT_POLICY_MESSAGES_MESSAGE_TYPES_H_

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <limits>
#include <string>

namespace sallyport::policy {

// Knows what an Any and an extension's number stand for. What it returns lives as long as it does.
class MessageTypes {
 public:
  virtual ~MessageTypes() = default;
  // By full name; null if it is not known.
  virtual const google::protobuf::Descriptor* FindMessage(const std::string& full_name) const = 0;
  // Null if it is not known.
  virtual const google::protobuf::FieldDescriptor* FindExtension(const google::protobuf::Descriptor& extended,
                                                                 uint32_t number) const = 0;
};

// The types of a pool, which must outlive it.
class PoolTypes final : public MessageTypes {
 public:
  explicit PoolTypes(const google::protobuf::DescriptorPool* pool) : pool_(pool) {}

  const google::protobuf::Descriptor* FindMessage(const std::string& full_name) const override {
    return pool_->FindMessageTypeByName(full_name);
  }
  const google::protobuf::FieldDescriptor* FindExtension(const google::protobuf::Descriptor& extended,
                                                         uint32_t number) const override {
    if (number > static_cast<uint32_t>(std::numeric_limits<int>::max())) return nullptr;
    return pool_->FindExtensionByNumber(&extended, static_cast<int>(number));
  }

 private:
  const google::protobuf::DescriptorPool* pool_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MESSAGES_MESSAGE_TYPES_H_
