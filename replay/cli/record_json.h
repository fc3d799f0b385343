// The record as JSON for programs: lists, and parts that several objects have. Field names are a contract: OUTPUT.md
// lists them.
#ifndef SALLYPORT_REPLAY_CLI_RECORD_JSON_H_
#define SALLYPORT_REPLAY_CLI_RECORD_JSON_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

using Json = nlohmann::ordered_json;

// One line, all ASCII: nothing in it acts on a terminal. Bytes that are not UTF-8 become U+FFFD.
std::string JsonLine(const Json& json);

Json SummaryJson(const v1::CallSummary& call);
Json SessionJson(const v1::SessionSummary& session);

// Parts of what the record has, as programs read them.
Json OrNull(const std::string& text);
Json OrNull(const std::optional<std::string>& text);
// Without a sign where there is none.
Json Nanoseconds(const google::protobuf::Duration& duration);
std::string Exactly(const google::protobuf::Timestamp& time);
Json Texts(const google::protobuf::RepeatedPtrField<std::string>& texts);
Json PairsJson(const google::protobuf::RepeatedPtrField<v1::MetadataPair>& pairs);
// Text that was recorded as JSON. Where it does not parse, which then was not ours to begin with, it stays a text.
Json Parsed(const std::string& text);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_RECORD_JSON_H_
