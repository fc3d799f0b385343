#include "replay/view/index_messages.h"

#include "absl/strings/escaping.h"
#include "recorder/format/call_id.h"
#include "replay/view/exact_text.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {

v1::CallSummary ToMessage(const recorder::CallSummary& call) {
  v1::CallSummary message;
  message.set_id(recorder::FormatId(call.id));
  if (call.session_id != 0) message.set_session(recorder::FormatId(call.session_id));
  message.set_identity(call.identity);
  SetText(call.method, "method", message.mutable_method(), message.mutable_exact());
  message.set_upstream(call.upstream);
  message.set_trace_id(absl::BytesToHexString(call.trace_id));
  message.set_peer(PlainPeer(call.peer));
  SetTime(call.start, message.mutable_start());
  message.set_state(call.shredded ? v1::CALL_STATE_SHREDDED : StateOf(call.end_reason));
  if (call.shredded || call.end_reason == v1::END_REASON_UNSPECIFIED) return message;
  v1::CallOutcome& outcome = *message.mutable_outcome();
  outcome.set_status_code(call.status_code);
  outcome.set_connection_lost(call.connection_lost);
  SetDuration(call.duration, outcome.mutable_duration());
  outcome.set_request_frames(call.request_frames);
  outcome.set_response_frames(call.response_frames);
  outcome.set_request_bytes(call.request_bytes);
  outcome.set_response_bytes(call.response_bytes);
  return message;
}

v1::SessionSummary ToMessage(const recorder::SessionSummary& session) {
  v1::SessionSummary message;
  message.set_id(recorder::FormatId(session.id));
  message.set_identity(session.identity);
  SetText(session.name, "name", message.mutable_name(), message.mutable_exact());
  message.set_peer(PlainPeer(session.peer));
  SetTime(session.first_start, message.mutable_first_start());
  SetTime(session.last_start, message.mutable_last_start());
  message.set_calls(session.calls);
  return message;
}

v1::Gaps ToMessage(const recorder::StoreGaps& gaps, const absl::Status& log_health) {
  v1::Gaps message;
  message.set_shredded_segments(gaps.shredded_segments);
  message.set_segments_without_key(gaps.segments_without_key);
  message.set_deleted_segments(gaps.deleted_segments);
  message.set_missing_segments(gaps.missing_segments);
  message.set_damaged(gaps.damaged);
  message.set_unindexed_calls(gaps.unindexed_calls);
  message.set_more_unindexed(gaps.more_unindexed);
  if (gaps.unindexed_since != absl::InfiniteFuture()) SetTime(gaps.unindexed_since, message.mutable_unindexed_since());
  message.set_log_damage(std::string(log_health.message()));
  return message;
}

}  // namespace sallyport::replay
