// Tells whether two messages mean the same, and where they do not.
#ifndef SALLYPORT_POLICY_MESSAGES_MESSAGE_COMPARISON_H_
#define SALLYPORT_POLICY_MESSAGES_MESSAGE_COMPARISON_H_

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/messages/message_types.h"

namespace sallyport::policy {

struct MessageDifference {
  std::string path;   // such as "payment.items[2].labels.colour"; empty for the message itself
  std::string left;   // what is there, as MessagePrinter shows it in one line; empty where there is nothing
  std::string right;  // long values are cut
};

struct MessageDifferences {
  std::vector<MessageDifference> told;
  size_t count = 0;  // of all, told or not
};

struct ComparisonBounds {
  size_t most_told = 20;
  size_t most_text = 2'000;  // bytes of a value that are of interest
  // Whether what is at a path, with all below it, may differ. Null if nothing may.
  std::function<bool(const std::string& path)> ignored;
};

// Two messages of `type` are equal if what is decoded of them is: fields, known extensions and what Anys of known types
// hold by their values; unknown fields, what Anys of other types hold, and what cannot be parsed by their bytes,
// wherever they stand. How a value is encoded does not count, nor the order of fields of different numbers, nor that of
// a map's entries; any other order does. All NaNs are equal, 0.0 and -0.0 are not. The same rules of reading as
// MessagePrinter's.
MessageDifferences CompareMessages(const MessageTypes& types, const google::protobuf::Descriptor& type,
                                   std::string_view left, std::string_view right, const ComparisonBounds& bounds = {});

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MESSAGES_MESSAGE_COMPARISON_H_
