#include "gateway/api/door/message_codec.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;

std::unique_ptr<Message> NewMessage(const Descriptor& type) {
  return std::unique_ptr<Message>(google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

bool Parse(std::string_view wire, Message& message) {
  return message.ParseFromArray(wire.data(), static_cast<int>(wire.size()));
}

}  // namespace

absl::StatusOr<std::string> JsonToWire(const Descriptor& type, std::string_view json) {
  // protobuf's own reader takes names without quotes, single ones, and texts that are not UTF-8.
  if (!absl::StartsWith(absl::StripLeadingAsciiWhitespace(absl::string_view(json.data(), json.size())), "{") ||
      !nlohmann::json::accept(json)) {
    return absl::InvalidArgumentError(absl::StrCat("the request is no JSON object; it takes a ", type.full_name()));
  }
  const std::unique_ptr<Message> message = NewMessage(type);
  const auto read = google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, message.get());
  if (!read.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the request is no ", type.full_name(), ": ", std::string(read.message())));
  }
  return message->SerializeAsString();
}

absl::Status CheckWire(const Descriptor& type, std::string_view wire) {
  if (Parse(wire, *NewMessage(type))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the request is no ", type.full_name(), " in the wire format"));
}

absl::StatusOr<std::string> WireToJson(const Descriptor& type, std::string_view wire) {
  const std::unique_ptr<Message> message = NewMessage(type);
  std::string json;
  if (!Parse(wire, *message) || !google::protobuf::util::MessageToJsonString(*message, &json).ok()) {
    return absl::InternalError(absl::StrCat("the answer is no ", type.full_name(), " that can be said in JSON"));
  }
  return json;
}

}  // namespace sallyport::gateway
