// What a descriptor pool finds wrong with a file.
#ifndef SALLYPORT_POLICY_DESCRIPTORS_FIRST_FAULT_H_
#define SALLYPORT_POLICY_DESCRIPTORS_FIRST_FAULT_H_

#include <google/protobuf/descriptor.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "policy/descriptors/descriptor_files.h"

namespace sallyport::policy {

// Collects what the pool finds wrong with one file; only the first fault is told.
class FirstFault : public google::protobuf::DescriptorPool::ErrorCollector {
 public:
#if GOOGLE_PROTOBUF_VERSION >= 4022000
  void RecordError(absl::string_view, absl::string_view element, const google::protobuf::Message*, ErrorLocation,
                   absl::string_view message) override {
    Keep(std::string(element), std::string(message));
  }
#else
  void AddError(const std::string&, const std::string& element, const google::protobuf::Message*, ErrorLocation,
                const std::string& message) override {
    Keep(element, message);
  }
#endif
  const std::string& text() const { return text_; }

 private:
  void Keep(const std::string& element, const std::string& message) {
    if (text_.empty()) text_ = absl::StrCat(Shown(element), ": ", Shown(message));
  }
  std::string text_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_DESCRIPTORS_FIRST_FAULT_H_
