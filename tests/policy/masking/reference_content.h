// Content rules the slow and obvious way: on what a parser made of the message.
#ifndef SALLYPORT_TESTS_POLICY_MASKING_REFERENCE_CONTENT_H_
#define SALLYPORT_TESTS_POLICY_MASKING_REFERENCE_CONTENT_H_

#include <google/protobuf/message.h>

#include <string>
#include <vector>

namespace sallyport::policy {

struct ReferenceCondition {
  std::string glob;   // over fields
  std::string value;  // glob
};

// Whether one of the conditions holds, or, with `detects`, a payment card stands in some text. Of messages that are
// meant as a whole, only what `*` says of them.
bool ReferenceRefuses(const std::vector<ReferenceCondition>& conditions, bool detects,
                      const google::protobuf::Message& message);

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_MASKING_REFERENCE_CONTENT_H_
