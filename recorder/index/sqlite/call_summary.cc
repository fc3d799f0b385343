#include "recorder/index/sqlite/call_summary.h"

#include <string>
#include <utility>

#include "recorder/format/peer_address.h"
#include "recorder/format/trace_id.h"

namespace sallyport::recorder {

absl::StatusOr<CallSummary> SummaryOf(const CallRow& row, NameReader& names) {
  CallSummary call;
  call.id = static_cast<uint64_t>(row.id);
  call.start = absl::FromUnixNanos(row.start_ns);
  // What a page that was blanked reads as.
  if (call.id == 0) return IndexDamage("index: a call's row is blank");
  call.shredded = row.end_reason == kShredded;
  if (call.shredded) {
    call.identity = kShreddedName;
    call.method = kShreddedName;
    return call;
  }
  call.session_id = static_cast<uint64_t>(row.session);
  call.trace_id = TraceIdBytes({row.trace_high, row.trace_low});
  const std::pair<int64_t, std::string*> texts[] = {{row.identity, &call.identity},
                                                    {row.method, &call.method},
                                                    {row.upstream, &call.upstream},
                                                    {row.peer, &call.peer}};
  for (const auto& [number, text] : texts) {
    absl::StatusOr<std::string> name = names.Name(number);
    if (!name.ok()) return name.status();
    *text = *std::move(name);
  }
  call.peer = JoinPeer(std::move(call.peer), row.port);
  call.end_reason = static_cast<v1::EndReason>(row.end_reason & ~kConnectionLost);
  call.connection_lost = (row.end_reason & kConnectionLost) != 0;
  call.status_code = static_cast<int>(row.status);
  call.duration = absl::Nanoseconds(row.duration_ns);
  call.request_frames = static_cast<uint64_t>(row.request_frames);
  call.response_frames = static_cast<uint64_t>(row.response_frames);
  call.request_bytes = static_cast<uint64_t>(row.request_bytes);
  call.response_bytes = static_cast<uint64_t>(row.response_bytes);
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
