#include "replay/cli/record_json.h"

#include <cstdint>
#include <utility>

#include "absl/strings/escaping.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/exact_text.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {

std::string JsonLine(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace); }

Json SummaryJson(const v1::CallSummary& call) {
  Json json = {{"id", call.id()},
               {"session", OrNull(call.session())},
               {"identity", call.identity()},
               {"method", ExactText(call.method(), "method", call.exact())},
               {"upstream", call.upstream()},
               {"peer", call.peer()},
               {"trace_id", OrNull(call.trace_id())},
               {"start", Exactly(call.start())},
               {"state", StateName(call.state())}};
  const v1::CallOutcome& outcome = call.outcome();
  const auto known = [&](Json value) { return call.has_outcome() ? std::move(value) : Json(); };
  json["status"] = known(StatusName(outcome.status_code()));
  json["status_code"] = known(outcome.status_code());
  json["connection_lost"] = known(outcome.connection_lost());
  json["duration_ns"] = known(Nanoseconds(outcome.duration()));
  json["request_frames"] = known(outcome.request_frames());
  json["response_frames"] = known(outcome.response_frames());
  json["request_bytes"] = known(outcome.request_bytes());
  json["response_bytes"] = known(outcome.response_bytes());
  return json;
}

Json SessionJson(const v1::SessionSummary& session) {
  return {{"id", session.id()},
          {"identity", session.identity()},
          {"name", ExactText(session.name(), "name", session.exact())},
          {"peer", session.peer()},
          {"first_start", Exactly(session.first_start())},
          {"last_start", Exactly(session.last_start())},
          {"calls", session.calls()}};
}

Json OrNull(const std::string& text) { return text.empty() ? Json() : Json(text); }
Json OrNull(const std::optional<std::string>& text) { return text.has_value() ? Json(*text) : Json(); }

Json Nanoseconds(const google::protobuf::Duration& duration) {
  if (duration.seconds() < 0 || duration.nanos() < 0) return duration.seconds() * 1'000'000'000 + duration.nanos();
  return static_cast<uint64_t>(duration.seconds()) * 1'000'000'000 + static_cast<uint64_t>(duration.nanos());
}

std::string Exactly(const google::protobuf::Timestamp& time) { return ExactTime(ToTime(time)); }

Json Texts(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(text);
  return list;
}

Json PairsJson(const google::protobuf::RepeatedPtrField<v1::MetadataPair>& pairs) {
  Json list = Json::array();
  for (const v1::MetadataPair& pair : pairs) {
    const std::string& key = ExactText(pair.key(), "key", pair.exact());
    Json one = {{"key", key}};
    if (pair.has_fingerprint()) {
      one["fingerprint"] = ExactText(pair.fingerprint(), "fingerprint", pair.exact());
    } else if (IsBinaryKey(key)) {
      one["value_base64"] = absl::Base64Escape(pair.data());
    } else {
      one["value"] = pair.has_data() ? pair.data() : pair.text();
    }
    list.push_back(std::move(one));
  }
  return list;
}

Json Parsed(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? Json(text) : json;
}

}  // namespace sallyport::replay
