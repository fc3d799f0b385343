#include "policy/messages/message_printer.h"

#include "policy/messages/decoded_message.h"
#include "policy/messages/wire.h"

namespace sallyport::policy {

PrintFindings MessagePrinter::Append(const google::protobuf::Descriptor& type, std::string_view message,
                                     std::string* out) const {
  JsonWriter json(style_, most_, out);
  // Longer ones are no messages to any parser.
  if (message.size() > kMostLength) {
    json.BeginObject();
    json.Member("@cut");
    json.Raw("true");
    json.EndObject();
    return {.unparsed = true, .cut = true};
  }
  MessageReader reader(types_, message);
  TreePrinter printer(reader, json);
  printer.Message(type, reader.whole(), nullptr);
  return printer.findings();
}

}  // namespace sallyport::policy
