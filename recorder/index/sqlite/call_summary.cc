#include "recorder/index/sqlite/call_summary.h"

#include <string>
#include <utility>

#include "recorder/format/index_schema.h"
#include "recorder/format/peer_address.h"
#include "recorder/index/sqlite/call_finder.h"

namespace sallyport::recorder {

absl::StatusOr<CallSummary> SummaryOf(const Statement& row, NameReader& names) {
  CallSummary call;
  call.id = row.Unsigned(CallColumn::kId);
  call.start = absl::FromUnixNanos(row.Integer(CallColumn::kStartNs));
  // What a page that was blanked reads as.
  if (call.id == 0) return IndexDamage("index: a call's row is blank");
  call.shredded = row.Integer(CallColumn::kEndReason) == kShredded;
  if (call.shredded) {
    call.identity = kShreddedName;
    call.method = kShreddedName;
    return call;
  }
  call.session_id = row.Unsigned(CallColumn::kSession);
  const std::pair<int, std::string*> texts[] = {{CallColumn::kIdentity, &call.identity},
                                                {CallColumn::kMethod, &call.method},
                                                {CallColumn::kUpstream, &call.upstream},
                                                {CallColumn::kPeer, &call.peer}};
  for (const auto& [column, text] : texts) {
    absl::StatusOr<std::string> name = names.Name(row.Integer(column));
    if (!name.ok()) return name.status();
    *text = *std::move(name);
  }
  call.peer = JoinPeer(std::move(call.peer), row.Integer(CallColumn::kPort));
  call.end_reason = static_cast<v1::EndReason>(row.Integer(CallColumn::kEndReason) & ~kConnectionLost);
  call.connection_lost = (row.Integer(CallColumn::kEndReason) & kConnectionLost) != 0;
  call.status_code = static_cast<int>(row.Integer(CallColumn::kStatus));
  call.duration = absl::Nanoseconds(row.Integer(CallColumn::kDurationNs));
  call.request_frames = row.Unsigned(CallColumn::kRequestFrames);
  call.response_frames = row.Unsigned(CallColumn::kResponseFrames);
  call.request_bytes = row.Unsigned(CallColumn::kRequestBytes);
  call.response_bytes = row.Unsigned(CallColumn::kResponseBytes);
  return call;
}

absl::StatusOr<SessionSummary> SessionSummaryOf(const Statement& row, NameReader& names) {
  SessionSummary session;
  session.id = row.Unsigned(0);
  const std::pair<int, std::string*> texts[] = {{1, &session.identity}, {2, &session.name}, {3, &session.peer}};
  for (const auto& [column, text] : texts) {
    absl::StatusOr<std::string> name = names.Name(row.Integer(column));
    if (!name.ok()) return name.status();
    *text = *std::move(name);
  }
  session.peer = JoinPeer(std::move(session.peer), row.Integer(4));
  session.first_start = absl::FromUnixNanos(row.Integer(5));
  session.last_start = absl::FromUnixNanos(row.Integer(6));
  session.calls = row.Unsigned(7);
  return session;
}

}  // namespace sallyport::recorder
