// The record as JSON for programs. Field names are a contract: OUTPUT.md lists them.
#ifndef SALLYPORT_REPLAY_CLI_RECORD_JSON_H_
#define SALLYPORT_REPLAY_CLI_RECORD_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

using Json = nlohmann::ordered_json;

// One line, all ASCII: nothing in it acts on a terminal. Bytes that are not UTF-8 become U+FFFD.
std::string JsonLine(const Json& json);

Json SummaryJson(const v1::CallSummary& call);
Json SessionJson(const v1::SessionSummary& session);

// The call's beginning: the members of the top level.
Json BeginningJson(const v1::CallBeginning& beginning);
// One event other than beginning and end.
Json EventJson(const v1::Event& event);
Json EndJson(const v1::Event& event);

// The call's place in time and its names, then what an event of it was about, as `tail` has it.
Json TailedJson(const v1::TailedEvent& tailed, bool messages);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_RECORD_JSON_H_
