#include "replay/cli/record_json.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/time/time.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/exact_text.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

using Pairs = google::protobuf::RepeatedPtrField<v1::MetadataPair>;

// Without a sign where there is none.
Json Nanoseconds(const google::protobuf::Duration& duration) {
  if (duration.seconds() < 0 || duration.nanos() < 0) return duration.seconds() * 1'000'000'000 + duration.nanos();
  return static_cast<uint64_t>(duration.seconds()) * 1'000'000'000 + static_cast<uint64_t>(duration.nanos());
}

std::string Exactly(const google::protobuf::Timestamp& time) { return ExactTime(ToTime(time)); }

std::string Base64(const std::string& bytes) { return absl::Base64Escape(bytes); }

Json OrNull(const std::string& text) { return text.empty() ? Json() : Json(text); }
Json OrNull(const std::optional<std::string>& name) { return name.has_value() ? Json(*name) : Json(); }

// Text that was recorded as JSON, or nothing where it does not parse (it then was not ours to begin with).
Json Parsed(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? Json(text) : json;
}

Json Texts(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(text);
  return list;
}

Json PairsJson(const Pairs& pairs) {
  Json list = Json::array();
  for (const v1::MetadataPair& pair : pairs) {
    const std::string& key = ExactText(pair.key(), "key", pair.exact());
    Json one = {{"key", key}};
    if (pair.has_fingerprint()) {
      one["fingerprint"] = ExactText(pair.fingerprint(), "fingerprint", pair.exact());
    } else if (IsBinaryKey(key)) {
      one["value_base64"] = Base64(pair.data());
    } else {
      one["value"] = pair.has_data() ? pair.data() : pair.text();
    }
    list.push_back(std::move(one));
  }
  return list;
}

Json DecisionJson(const v1::Decision& decision) {
  Json proofs = Json::array();
  for (const v1::ShownProof& proof : decision.proofs()) {
    proofs.push_back(
        {{"proof", ProofName(proof.kind())},
         {"issuer", proof.issuer()},
         {"subject", proof.subject()},
         {"groups", Texts(proof.groups())},
         {"credential", proof.credential()},
         {"expires", proof.expires_ns() == 0 ? Json() : Json(ExactTime(absl::FromUnixNanos(proof.expires_ns())))}});
  }
  return {{"outcome", DecisionName(decision.outcome())},
          {"rule", decision.rule()},
          {"policy", decision.policy()},
          {"shadow", Texts(decision.shadow())},
          {"proofs", std::move(proofs)}};
}

std::string DirectionName(v1::Direction direction) {
  return direction == v1::DIRECTION_RESPONSE ? "response" : "request";
}

// Adds a frame's message to an object: `message`, or `undecoded`, which says why not, and `payload`, if it is there.
void AddMessage(const v1::FrameEvent& frame, Json* json) {
  if (!frame.undecoded().empty()) (*json)["undecoded"] = frame.undecoded();
  if (!frame.message().empty()) {
    (*json)["message"] = Parsed(frame.message());
  } else if (!frame.sealed_apart()) {
    (*json)["payload"] = Base64(frame.payload());
  }
}

Json FrameJson(const v1::FrameEvent& frame) {
  Json json = {{"direction", DirectionName(frame.direction())},
               {"index", frame.index()},
               {"number", frame.number()},
               {"size", frame.size()},
               {"compressed", frame.compressed()}};
  if (frame.view() != v1::FRAME_VIEW_AS_PASSED) {
    json["view"] = frame.view() == v1::FRAME_VIEW_REVEALED ? "revealed" : "masked";
  }
  if (!frame.reveal_key().empty()) json["reveal_key"] = frame.reveal_key();
  if (frame.shadow_size() > 0) json["shadow"] = Texts(frame.shadow());
  AddMessage(frame, &json);
  return json;
}

}  // namespace

std::string JsonLine(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace); }

Json SummaryJson(const v1::CallSummary& call) {
  Json json = {{"id", call.id()},
               {"session", OrNull(call.session())},
               {"identity", call.identity()},
               {"method", ExactText(call.method(), "method", call.exact())},
               {"upstream", call.upstream()},
               {"peer", call.peer()},
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

Json BeginningJson(const v1::CallBeginning& beginning) {
  const v1::Identity& proved = beginning.proved();
  return {{"id", beginning.id()},
          {"session", OrNull(beginning.session())},
          {"session_name", ExactText(beginning.session_name(), "session_name", beginning.exact())},
          {"method", ExactText(beginning.method(), "method", beginning.exact())},
          {"authority", ExactText(beginning.authority(), "authority", beginning.exact())},
          {"peer", beginning.peer()},
          {"identity",
           {{"name", beginning.identity()},
            {"issuer", proved.issuer()},
            {"subject", proved.subject()},
            {"groups", Texts(proved.groups())},
            {"proof", ProofName(proved.proof())}}},
          {"upstream", beginning.upstream()},
          {"upstream_target", beginning.upstream_target()},
          {"start", Exactly(beginning.start())},
          {"timeout_ns", beginning.has_timeout() ? Nanoseconds(beginning.timeout()) : Json()},
          {"encoding", beginning.encoding()},
          {"descriptors", beginning.descriptors()},
          {"path", beginning.path() == v1::PATH_UNARY ? "unary" : "stream"},
          {"durability", beginning.durability()},
          {"metadata", PairsJson(beginning.metadata())}};
}

Json EventJson(const v1::Event& event) {
  const auto named = [&](const char* name) {
    return Json{{"event", name}, {"offset_ns", Nanoseconds(event.offset())}};
  };
  Json json;
  switch (event.event_case()) {
    case v1::Event::kFrame:
      json = named("frame");
      json.update(FrameJson(event.frame()));
      return json;
    case v1::Event::kDecision:
      json = named("decision");
      json.update(DecisionJson(event.decision()));
      return json;
    case v1::Event::kHalfClose:
      return named("half_close");
    case v1::Event::kResponseHeaders:
      json = named("response_headers");
      json["encoding"] = event.response_headers().encoding();
      json["metadata"] = PairsJson(event.response_headers().metadata());
      return json;
    default:
      return named("unknown");
  }
}

Json EndJson(const v1::Event& event) {
  const v1::EndEvent& end = event.end();
  const v1::CallOutcome& outcome = end.outcome();
  Json json = {{"offset_ns", Nanoseconds(event.offset())},
               {"state", StateName(end.state())},
               {"status", StatusName(outcome.status_code())},
               {"status_code", outcome.status_code()},
               {"status_message", ExactText(end.status_message(), "status_message", end.exact())},
               {"status_details", Json()},
               {"trailers", PairsJson(end.trailers())},
               {"trailers_only", end.trailers_only()},
               {"upstream_status", Json()},
               {"upstream_status_message", Json()},
               {"duration_ns", Nanoseconds(outcome.duration())},
               {"request_frames", outcome.request_frames()},
               {"response_frames", outcome.response_frames()},
               {"request_bytes", outcome.request_bytes()},
               {"response_bytes", outcome.response_bytes()},
               {"connection_lost", outcome.connection_lost()},
               {"told", OrNull(ToldName(end.told()))},
               {"ended_by", OrNull(EndedByName(end.ended_by()))},
               {"entries", end.has_entries() ? Json(end.entries()) : Json()}};
  if (end.has_upstream_status_code()) {
    json["upstream_status"] = StatusName(end.upstream_status_code());
    json["upstream_status_message"] = ExactText(end.upstream_status_message(), "upstream_status_message", end.exact());
  }
  for (const v1::MetadataPair& trailer : end.trailers()) {
    if (!trailer.status_details().empty()) json["status_details"] = Parsed(trailer.status_details());
  }
  return json;
}

Json TailedJson(const v1::TailedEvent& tailed, bool messages) {
  const v1::Event& event = tailed.event();
  Json json = {{"time", Exactly(event.time())},
               {"call", event.call()},
               {"method", ExactText(tailed.method(), "method", tailed.exact())},
               {"identity", tailed.identity()}};
  switch (event.event_case()) {
    case v1::Event::kBeginning:
      json["event"] = "start";
      json["peer"] = event.beginning().peer();
      json["upstream"] = event.beginning().upstream();
      return json;
    case v1::Event::kFrame:
      json["event"] = "frame";
      json["direction"] = DirectionName(event.frame().direction());
      json["index"] = event.frame().index();
      json["size"] = event.frame().size();
      if (messages) AddMessage(event.frame(), &json);
      return json;
    case v1::Event::kDecision:
      json["event"] = "decision";
      json["outcome"] = DecisionName(event.decision().outcome());
      json["rule"] = event.decision().rule();
      return json;
    case v1::Event::kHalfClose:
      json["event"] = "half_close";
      return json;
    case v1::Event::kResponseHeaders:
      json["event"] = "response_headers";
      return json;
    case v1::Event::kEnd: {
      const v1::EndEvent& end = event.end();
      json["event"] = "end";
      json["state"] = StateName(end.state());
      json["status"] = StatusName(end.outcome().status_code());
      json["status_code"] = end.outcome().status_code();
      json["status_message"] = ExactText(end.status_message(), "status_message", end.exact());
      json["duration_ns"] = Nanoseconds(end.outcome().duration());
      json["request_bytes"] = end.outcome().request_bytes();
      json["response_bytes"] = end.outcome().response_bytes();
      return json;
    }
    default:
      json["event"] = "unknown";
      return json;
  }
}

}  // namespace sallyport::replay
