#include "replay/cli/record_json.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "recorder/call_id.h"
#include "recorder/gateway_notes.h"
#include "replay/cli/call_filter.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/revealer.h"

namespace sallyport::replay {
namespace {

using Metadata = google::protobuf::RepeatedPtrField<v1::Metadatum>;

constexpr char kStatusDetails[] = "grpc-status-details-bin";

int64_t Offset(const v1::Entry& entry, uint64_t start_ns) { return static_cast<int64_t>(entry.time_ns() - start_ns); }

std::string Base64(const std::string& bytes) { return absl::Base64Escape(bytes); }

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

Json MetadataJson(const Metadata& metadata) {
  Json list = Json::array();
  for (const v1::Metadatum& datum : metadata) {
    Json one = {{"key", datum.key()}};
    if (datum.fingerprint()) {
      one["fingerprint"] = datum.value();
    } else if (IsBinaryKey(datum.key())) {
      one["value_base64"] = Base64(datum.value());
    } else {
      one["value"] = datum.value();
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

Json ToldName(v1::Told told) {
  switch (told) {
    case v1::TOLD_STATUS:
      return "status";
    case v1::TOLD_NOTHING:
      return "nothing";
    case v1::TOLD_UNSURE:
      return "unsure";
    case v1::TOLD_RESET:
      return "reset";
    default:
      return nullptr;
  }
}

Json EndedByName(v1::EndedBy who) {
  switch (who) {
    case v1::ENDED_BY_UPSTREAM:
      return "upstream";
    case v1::ENDED_BY_CALLER:
      return "caller";
    case v1::ENDED_BY_GATEWAY:
      return "gateway";
    default:
      return nullptr;
  }
}

Json FrameJson(const v1::Frame& frame, uint64_t number, FramePayload payload, const CallDecoder& decoder) {
  Json json = {{"direction", frame.direction() == v1::DIRECTION_RESPONSE ? "response" : "request"},
               {"index", frame.index()},
               {"number", number},
               {"size", SizeOf(frame)},
               {"compressed", frame.compressed()}};
  if (frame.masked() || frame.has_sealed()) json["view"] = IsRevealed(frame) ? "revealed" : "masked";
  if (frame.has_sealed()) json["reveal_key"] = absl::BytesToHexString(frame.sealed().key_id());
  if (frame.shadow_size() > 0) json["shadow"] = Texts(frame.shadow());
  if (payload == FramePayload::kRaw && !frame.has_part()) {
    json["payload"] = Base64(frame.payload());
    return json;
  }
  AddMessage(frame, decoder, &json);
  return json;
}

}  // namespace

void AddMessage(const v1::Frame& frame, const CallDecoder& decoder, Json* json) {
  if (frame.has_part()) {
    (*json)["undecoded"] = "the payload is sealed under a further key";
    return;
  }
  const absl::StatusOr<std::string> message = decoder.Message(frame);
  const absl::StatusOr<std::string> text =
      message.ok() ? decoder.Json(frame, *message, policy::JsonStyle::kOneLine) : message.status();
  if (text.ok()) {
    (*json)["message"] = Parsed(*text);
  } else {
    (*json)["undecoded"] = std::string(text.status().message());
    (*json)["payload"] = Base64(frame.payload());
  }
}

uint64_t SizeOf(const v1::Frame& frame) { return frame.has_part() ? frame.part().length() : frame.payload().size(); }

std::string JsonLine(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace); }

std::string EndReasonName(v1::EndReason reason) {
  switch (reason) {
    case v1::END_REASON_COMPLETED:
      return "completed";
    case v1::END_REASON_CANCELLED:
      return "cancelled";
    case v1::END_REASON_DEADLINE:
      return "deadline";
    case v1::END_REASON_UPSTREAM_FAILURE:
      return "upstream_failure";
    case v1::END_REASON_REFUSED:
      return "refused";
    case v1::END_REASON_INTERRUPTED:
      return "interrupted";
    default:
      return "open";
  }
}

std::string ProofName(v1::Proof proof) {
  switch (proof) {
    case v1::PROOF_JWT:
      return "jwt";
    case v1::PROOF_MTLS:
      return "mtls";
    case v1::PROOF_API_KEY:
      return "api_key";
    default:
      return "none";
  }
}

std::string DecisionName(v1::Decision::Outcome outcome) {
  switch (outcome) {
    case v1::Decision::OUTCOME_ALLOWED:
      return "allowed";
    case v1::Decision::OUTCOME_DENIED:
      return "denied";
    case v1::Decision::OUTCOME_UNAUTHENTICATED:
      return "unauthenticated";
    case v1::Decision::OUTCOME_LIMITED:
      return "limited";
    default:
      return "unknown";
  }
}

std::string IdentityName(const v1::Identity& identity) {
  if (identity.proof() == v1::PROOF_NONE && identity.subject().empty()) return "anonymous";
  return identity.issuer().empty() ? identity.subject() : absl::StrCat(identity.issuer(), "#", identity.subject());
}

bool IsBinaryKey(std::string_view key) { return key.size() >= 4 && key.substr(key.size() - 4) == "-bin"; }

std::string MethodName(const std::string& path) { return std::string(recorder::NameOfMethod(path)); }

Json SummaryJson(const recorder::CallSummary& call) {
  const bool open = call.shredded || call.end_reason == v1::END_REASON_UNSPECIFIED;
  Json json = {{"id", recorder::FormatId(call.id)},
               {"session", call.session_id == 0 ? Json() : Json(recorder::FormatId(call.session_id))},
               {"identity", call.identity},
               {"method", call.method},
               {"upstream", call.upstream},
               {"peer", PlainPeer(call.peer)},
               {"start", ExactTime(call.start)},
               {"state", call.shredded ? "shredded" : EndReasonName(call.end_reason)}};
  json["status"] = open ? Json() : Json(StatusName(call.status_code));
  json["status_code"] = open ? Json() : Json(call.status_code);
  json["connection_lost"] = open ? Json() : Json(call.connection_lost);
  json["duration_ns"] = open ? Json() : Json(absl::ToInt64Nanoseconds(call.duration));
  json["request_frames"] = open ? Json() : Json(call.request_frames);
  json["response_frames"] = open ? Json() : Json(call.response_frames);
  json["request_bytes"] = open ? Json() : Json(call.request_bytes);
  json["response_bytes"] = open ? Json() : Json(call.response_bytes);
  return json;
}

Json SessionJson(const recorder::SessionSummary& session) {
  return {{"id", recorder::FormatId(session.id)},
          {"identity", session.identity},
          {"name", session.name},
          {"peer", PlainPeer(session.peer)},
          {"first_start", ExactTime(session.first_start)},
          {"last_start", ExactTime(session.last_start)},
          {"calls", session.calls}};
}

Json StartJson(const v1::Entry& entry) {
  const v1::CallStart& start = entry.start();
  return {{"id", recorder::FormatId(entry.call_id())},
          {"session", start.session_id() == 0 ? Json() : Json(recorder::FormatId(start.session_id()))},
          {"session_name", start.session_name()},
          {"method", MethodName(start.method())},
          {"authority", start.authority()},
          {"peer", PlainPeer(start.peer())},
          {"identity",
           {{"name", IdentityName(start.identity())},
            {"issuer", start.identity().issuer()},
            {"subject", start.identity().subject()},
            {"groups", Texts(start.identity().groups())},
            {"proof", ProofName(start.identity().proof())}}},
          {"upstream", start.upstream()},
          {"upstream_target", start.upstream_target()},
          {"start", ExactTime(absl::FromUnixNanos(static_cast<int64_t>(entry.time_ns())))},
          {"timeout_ns", start.has_timeout_ns() ? Json(start.timeout_ns()) : Json()},
          {"encoding", start.encoding()},
          {"descriptors", start.descriptors()},
          {"path", start.path() == v1::PATH_UNARY ? "unary" : "stream"},
          {"durability", start.durability()},
          {"metadata", MetadataJson(start.metadata())}};
}

Json EntryJson(const v1::Entry& entry, uint64_t start_ns, uint64_t frame_number, FramePayload payload,
               const CallDecoder& decoder) {
  Json json;
  switch (entry.event_case()) {
    case v1::Entry::kFrame:
      json = {{"event", "frame"}, {"offset_ns", Offset(entry, start_ns)}};
      json.update(FrameJson(entry.frame(), frame_number, payload, decoder));
      return json;
    case v1::Entry::kDecision:
      json = {{"event", "decision"}, {"offset_ns", Offset(entry, start_ns)}};
      json.update(DecisionJson(entry.decision()));
      return json;
    case v1::Entry::kHalfClose:
      return {{"event", "half_close"}, {"offset_ns", Offset(entry, start_ns)}};
    case v1::Entry::kResponseHeaders:
      return {{"event", "response_headers"},
              {"offset_ns", Offset(entry, start_ns)},
              {"encoding", entry.response_headers().encoding()},
              {"metadata", MetadataJson(entry.response_headers().metadata())}};
    default:
      return {{"event", "unknown"}, {"offset_ns", Offset(entry, start_ns)}};
  }
}

Json EndJson(const v1::Entry& entry, uint64_t start_ns, const CallDecoder& decoder) {
  const v1::CallEnd& end = entry.end();
  Json json = {{"offset_ns", Offset(entry, start_ns)},
               {"state", EndReasonName(end.reason())},
               {"status", StatusName(end.status_code())},
               {"status_code", end.status_code()},
               {"status_message", end.status_message()},
               {"status_details", Json()},
               {"trailers", MetadataJson(end.trailers())},
               {"trailers_only", end.trailers_only()},
               {"upstream_status", Json()},
               {"upstream_status_message", Json()},
               {"duration_ns", end.duration_ns()},
               {"request_frames", end.request_frames()},
               {"response_frames", end.response_frames()},
               {"request_bytes", end.request_bytes()},
               {"response_bytes", end.response_bytes()},
               {"connection_lost", end.connection_lost()},
               {"told", ToldName(end.told())},
               {"ended_by", EndedByName(end.ended_by())},
               {"entries", end.entries() == 0 ? Json() : Json(end.entries())}};
  if (end.has_upstream_status_code()) {
    json["upstream_status"] = StatusName(end.upstream_status_code());
    json["upstream_status_message"] = end.upstream_status_message();
  }
  for (const v1::Metadatum& trailer : end.trailers()) {
    if (trailer.key() != kStatusDetails) continue;
    const absl::StatusOr<std::string> details = decoder.StatusDetailsJson(trailer.value(), policy::JsonStyle::kOneLine);
    if (details.ok()) json["status_details"] = Parsed(*details);
  }
  return json;
}

}  // namespace sallyport::replay
