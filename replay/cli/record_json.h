// The record as JSON for programs. Field names are a contract: OUTPUT.md lists them.
#ifndef SALLYPORT_REPLAY_CLI_RECORD_JSON_H_
#define SALLYPORT_REPLAY_CLI_RECORD_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "google/protobuf/repeated_ptr_field.h"
#include "recorder/record_reader.h"
#include "replay/view/call_decoder.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

using Json = nlohmann::ordered_json;

enum class FramePayload {
  kDecoded,  // "message" where it can be decoded, else "payload"
  kRaw,      // "payload": the bytes as they passed, in base64
};

// One line, all ASCII: nothing in it acts on a terminal. Bytes that are not UTF-8 become U+FFFD.
std::string JsonLine(const Json& json);

Json SummaryJson(const recorder::CallSummary& call);
Json SessionJson(const recorder::SessionSummary& session);

// The call's start, with its id: the members of the top level.
Json StartJson(const v1::Entry& entry);
// One entry other than start and end; `start_ns` is when the call started, `frame_number` counts the call's frames.
Json EntryJson(const v1::Entry& entry, uint64_t start_ns, uint64_t frame_number, FramePayload payload,
               const CallDecoder& decoder);
Json EndJson(const v1::Entry& entry, uint64_t start_ns, const CallDecoder& decoder);
// Adds a frame's message to an object: `message`, or `undecoded`, which says why not, and `payload`, if it is there.
void AddMessage(const v1::Frame& frame, const CallDecoder& decoder, Json* json);

// The bytes of a frame's message as they were sent, also where it stands apart from its entry.
uint64_t SizeOf(const v1::Frame& frame);

// "completed", "cancelled", "deadline", "upstream_failure", "refused", "interrupted", "open".
std::string EndReasonName(v1::EndReason reason);
// "none", "jwt", "mtls", "api_key".
std::string ProofName(v1::Proof proof);
// "subject", "issuer#subject" or "anonymous", as the index has it.
std::string IdentityName(const v1::Identity& identity);
// "allowed", "denied", "unauthenticated" or "limited".
std::string DecisionName(v1::Decision::Outcome outcome);

// True for a metadata key whose values are bytes.
bool IsBinaryKey(std::string_view key);
// See recorder::NameOfMethod.
std::string MethodName(const std::string& path);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_RECORD_JSON_H_
