// Messages that are shown and compared: the first byte chooses a type, the second where the input is cut in two
// messages. What is shown is JSON that names no member twice, in both styles the same; what is equal is shown alike,
// and what protobuf makes of a message is equal to it.
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "policy/descriptors/descriptors.h"
#include "policy/messages/message_comparison.h"
#include "policy/messages/message_printer.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/message_schema.h"
#include "tests/policy/masking/parsed_proto.h"

namespace sallyport::recorder {
namespace {

namespace pb = google::protobuf;
using Json = nlohmann::json;

struct Bench {
  Bench() : descriptors(*policy::ParsedProto(kMessageSchema)), factory(&descriptors->pool()) {
    for (const char* name : kMessageTypes) {
      types.push_back(descriptors->pool().FindMessageTypeByName(name));
    }
  }
  std::shared_ptr<const policy::Descriptors> descriptors;
  pb::DynamicMessageFactory factory;
  std::vector<const pb::Descriptor*> types;
};

// That no object names a member twice.
bool NamesOnce(const std::string& text) {
  std::vector<std::set<std::string>> open;
  bool once = true;
  const Json::parser_callback_t look = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key) once &= open.back().insert(value.get<std::string>()).second;
    return true;
  };
  const Json parsed = Json::parse(text, look, /*allow_exceptions=*/false);
  return !parsed.is_discarded() && once;
}

struct Shown {
  std::string line;
  policy::PrintFindings findings;
};

Shown Show(const Bench& bench, const pb::Descriptor& type, std::string_view message) {
  Shown shown;
  const policy::MessageTypes& types = bench.descriptors->types();
  shown.findings = policy::MessagePrinter(types, policy::JsonStyle::kOneLine).Append(type, message, &shown.line);
  Require(NamesOnce(shown.line), "what is shown is JSON, and names no member twice");
  std::string indented;
  policy::MessagePrinter(types, policy::JsonStyle::kIndented).Append(type, message, &indented);
  Require(Json::parse(indented) == Json::parse(shown.line), "both styles say the same");
  std::string cut;
  policy::MessagePrinter(types, policy::JsonStyle::kOneLine, message.size()).Append(type, message, &cut);
  Require(Json::accept(cut), "what is cut is JSON too");
  return shown;
}

bool Holds(const Shown& shown, const char* mark) { return shown.line.find(mark) != std::string::npos; }
bool Repeats(const Shown& shown) { return Holds(shown, "\"@repeated\"") || Holds(shown, "\"@displaced\""); }

void ForgetOffsets(Json* json) {
  if (json->is_object()) json->erase("offset");
  for (Json& part : *json) {
    if (part.is_structured()) ForgetOffsets(&part);
  }
}

// Places do not count, only what is there.
Json WithoutOffsets(const Shown& shown) {
  Json json = Json::parse(shown.line);
  ForgetOffsets(&json);
  return json;
}

bool AreEqual(const Bench& bench, const pb::Descriptor& type, std::string_view left, std::string_view right) {
  return policy::CompareMessages(bench.descriptors->types(), type, left, right).count == 0;
}

void CompareWithProtobuf(Bench& bench, const pb::Descriptor& type, std::string_view message, const Shown& shown) {
  // Protobuf refuses texts that are not UTF-8 within proto3's own types.
  if (shown.findings.unparsed || Holds(shown, "@bytes")) return;
  const std::unique_ptr<pb::Message> parsed(bench.factory.GetPrototype(&type)->New());
  pb::io::ArrayInputStream array(message.data(), static_cast<int>(message.size()));
  pb::io::CodedInputStream input(&array);
  input.SetRecursionLimit(10'000);
  const bool taken = parsed->MergePartialFromCodedStream(&input) && input.ConsumedEntireMessage();
  // It reads too what does not count.
  Require(taken || Repeats(shown), "what is shown whole, protobuf takes");
  if (!taken) return;
  // Of what it does not know, protobuf writes the shortest form; of entries, it drops it.
  if (Holds(shown, "\"@unknown\"")) return;
  Require(AreEqual(bench, type, message, parsed->SerializePartialAsString()), "what protobuf makes of it is equal");
}

}  // namespace

void FuzzMessages(std::string_view input) {
  static Bench& bench = *new Bench;
  if (input.size() < 2) return;
  const pb::Descriptor& type = *bench.types[static_cast<uint8_t>(input[0]) % bench.types.size()];
  const size_t cut = std::min<size_t>(static_cast<uint8_t>(input[1]) * size_t{16}, input.size() - 2);
  const std::string_view left = input.substr(2, cut);
  const std::string_view right = input.substr(2 + cut);
  const Shown left_shown = Show(bench, type, left);
  const Shown right_shown = Show(bench, type, right);
  CompareWithProtobuf(bench, type, left, left_shown);
  CompareWithProtobuf(bench, type, right, right_shown);
  const bool equal = AreEqual(bench, type, left, right);
  Require(equal == AreEqual(bench, type, right, left), "equality has no direction");
  const bool alike = WithoutOffsets(left_shown) == WithoutOffsets(right_shown);
  Require(!alike || equal, "what is shown alike is equal");
  Require(!equal || alike || Repeats(left_shown) || Repeats(right_shown), "what is equal is shown alike");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzMessages)
