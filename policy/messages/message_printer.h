// Shows messages: every byte of them, as far as their type says what it is.
#ifndef SALLYPORT_POLICY_MESSAGES_MESSAGE_PRINTER_H_
#define SALLYPORT_POLICY_MESSAGES_MESSAGE_PRINTER_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>

#include "policy/messages/json_writer.h"
#include "policy/messages/message_types.h"
#include "policy/messages/tree_printer.h"

namespace sallyport::policy {

// What is printed of one message. More is not, and said so with a mark.
inline constexpr size_t kMostPrinted = size_t{256} << 20;

// Prints messages as protobuf's JSON mapping with the fields' own names, in the order of their numbers, and with marks
// for what that mapping has no place for: members whose names begin with "@" (replay/OUTPUT.md lists them). It reads
// the bytes themselves, once for each level, so that nothing in them is lost or made up, and it never fails: what
// cannot be parsed is shown as bytes with its place. Memory is bounded by the size of the message, recursion by
// kMostNesting. Thread-safe.
class MessagePrinter {
 public:
  // `types` must outlive it.
  MessagePrinter(const MessageTypes& types, JsonStyle style, size_t most_bytes = kMostPrinted)
      : types_(types), style_(style), most_(most_bytes) {}

  // Appends a message of `type`.
  PrintFindings Append(const google::protobuf::Descriptor& type, std::string_view message, std::string* out) const;

 private:
  const MessageTypes& types_;
  const JsonStyle style_;
  const size_t most_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MESSAGES_MESSAGE_PRINTER_H_
