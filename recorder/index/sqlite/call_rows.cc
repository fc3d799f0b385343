#include "recorder/index/sqlite/call_rows.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "recorder/format/index_schema.h"
#include "recorder/index/sqlite/call_finder.h"

namespace sallyport::recorder {
namespace {

constexpr int kColumnCount = CallColumn::kPosition + 1;

// The index's columns are signed: what an honest gateway never reaches is shown as the largest number.
int64_t Clamped(uint64_t value) { return static_cast<int64_t>(std::min(value, uint64_t{INT64_MAX})); }

int64_t ReasonOf(const ScannedEnd& end) { return Clamped(end.reason) | (end.connection_lost ? kConnectionLost : 0); }

std::string InsertSql(size_t rows) {
  const std::string row = absl::StrCat("(", absl::StrJoin(std::vector<std::string>(kColumnCount, "?"), ","), ")");
  return absl::StrCat("INSERT OR IGNORE INTO calls(", kCallColumns, ") VALUES ",
                      absl::StrJoin(std::vector<std::string>(rows, row), ","));
}

}  // namespace

absl::StatusOr<CallRows> CallRows::Create(Database& database, Chunks& chunks) {
  CallRows rows(chunks);
  const std::string insert_one = InsertSql(1);
  const std::string insert_together = InsertSql(kTogether);
  const absl::Status status = database.PrepareAll({
      {&rows.insert_one_, insert_one},
      {&rows.insert_together_, insert_together},
      {&rows.set_end_,
       "UPDATE calls SET end_reason = ?2, status = ?3, duration_ns = ?4, request_frames = ?5, response_frames = ?6, "
       "request_bytes = ?7, response_bytes = ?8, position = ?9 WHERE id = ?1"},
      {&rows.set_position_, "UPDATE calls SET position = ?2 WHERE id = ?1"},
      {&rows.find_,
       "SELECT identity, method, upstream, peer, session, start_ns, first_segment, position, end_reason FROM calls "
       "WHERE id = ?1"},
      {&rows.shred_,
       "INSERT OR REPLACE INTO calls(id, identity, session, method, upstream, peer, port, start_ns, end_reason, "
       "status, "
       "duration_ns, request_frames, response_frames, request_bytes, response_bytes, first_segment, position) "
       "VALUES (?1, 0, 0, 0, 0, 0, -1, ?2, -1, 0, 0, 0, 0, 0, 0, ?3, ?4)"},
      {&rows.remove_, "DELETE FROM calls WHERE id = ?1"},
  });
  if (!status.ok()) return status;
  return rows;
}

absl::Status CallRows::Add(uint64_t id, const StartedCall& call, const ScannedEnd& end) {
  waiting_.push_back({id, call, end});
  return waiting_.size() < kMostWaiting ? absl::OkStatus() : Flush();
}

absl::Status CallRows::Flush() {
  order_.resize(waiting_.size());
  std::iota(order_.begin(), order_.end(), 0);
  std::stable_sort(order_.begin(), order_.end(),
                   [this](uint32_t a, uint32_t b) { return waiting_[a].id < waiting_[b].id; });
  size_t done = 0;
  while (done < order_.size()) {
    const size_t count = order_.size() - done >= kTogether ? kTogether : 1;
    Statement& insert = count == 1 ? insert_one_ : insert_together_;
    for (size_t i = 0; i < count; ++i) {
      const Waiting& row = waiting_[order_[done + i]];
      Bind(insert, 1 + static_cast<int>(i) * kColumnCount, row);
      if (absl::Status status = chunks_->Inserted(PostedCallOf(row)); !status.ok()) return status;
    }
    if (absl::Status status = insert.Run(); !status.ok()) return status;
    done += count;
  }
  waiting_.clear();
  return absl::OkStatus();
}

void CallRows::Bind(Statement& insert, int first, const Waiting& row) {
  const StartedCall& call = row.call;
  const ScannedEnd& end = row.end;
  insert.Bind(first + CallColumn::kId, row.id);
  insert.Bind(first + CallColumn::kIdentity, call.identity);
  insert.Bind(first + CallColumn::kSession, call.session);
  insert.Bind(first + CallColumn::kMethod, call.method);
  insert.Bind(first + CallColumn::kUpstream, call.upstream);
  insert.Bind(first + CallColumn::kPeer, call.peer);
  insert.Bind(first + CallColumn::kPort, call.port);
  insert.Bind(first + CallColumn::kStartNs, call.start_ns);
  insert.Bind(first + CallColumn::kEndReason, ReasonOf(end));
  insert.Bind(first + CallColumn::kStatus, int64_t{end.status_code});
  insert.Bind(first + CallColumn::kDurationNs, Clamped(end.duration_ns));
  insert.Bind(first + CallColumn::kRequestFrames, Clamped(end.request_frames));
  insert.Bind(first + CallColumn::kResponseFrames, Clamped(end.response_frames));
  insert.Bind(first + CallColumn::kRequestBytes, Clamped(end.request_bytes));
  insert.Bind(first + CallColumn::kResponseBytes, Clamped(end.response_bytes));
  insert.Bind(first + CallColumn::kFirstSegment, call.first_segment);
  insert.Bind(first + CallColumn::kPosition, call.position.packed());
}

PostedCall CallRows::PostedCallOf(const Waiting& row) {
  const StartedCall& call = row.call;
  return {.id = static_cast<int64_t>(row.id),
          .identity = call.identity,
          .session = static_cast<int64_t>(call.session),
          .method = call.method,
          .upstream = call.upstream,
          .end_reason = ReasonOf(row.end),
          .status = row.end.status_code,
          .duration_ns = Clamped(row.end.duration_ns),
          .start_ns = call.start_ns};
}

absl::Status CallRows::SetEnd(uint64_t id, Position position, const ScannedEnd& end) {
  set_end_.Bind(1, id);
  set_end_.Bind(2, ReasonOf(end));
  set_end_.Bind(3, int64_t{end.status_code});
  set_end_.Bind(4, Clamped(end.duration_ns));
  set_end_.Bind(5, Clamped(end.request_frames));
  set_end_.Bind(6, Clamped(end.response_frames));
  set_end_.Bind(7, Clamped(end.request_bytes));
  set_end_.Bind(8, Clamped(end.response_bytes));
  set_end_.Bind(9, position.packed());
  if (absl::Status status = set_end_.Run(); !status.ok()) return status;
  return chunks_->Ended(static_cast<int64_t>(id), ReasonOf(end), end.status_code, Clamped(end.duration_ns));
}

absl::Status CallRows::SetPosition(uint64_t id, Position position) {
  set_position_.Bind(1, id);
  set_position_.Bind(2, position.packed());
  return set_position_.Run();
}

absl::StatusOr<bool> CallRows::Find(uint64_t id, Row& row) {
  find_.Bind(1, id);
  const absl::StatusOr<bool> found = find_.Step();
  if (found.ok() && *found) {
    row.call.identity = find_.Integer(0);
    row.call.method = find_.Integer(1);
    row.call.upstream = find_.Integer(2);
    row.call.peer = find_.Integer(3);
    row.call.session = find_.Unsigned(4);
    row.call.start_ns = find_.Integer(5);
    row.call.first_segment = find_.Unsigned(6);
    row.call.position = Position::FromPacked(find_.Unsigned(7));
    row.end_reason = find_.Integer(8);
  }
  find_.Reset();
  return found;
}

absl::Status CallRows::Shred(uint64_t id, uint64_t first_segment, Position position) {
  // Ids are microseconds; see recorder/format/call_id.h.
  constexpr uint64_t kLargestMicros = uint64_t{INT64_MAX} / 1000;
  const uint64_t start_ns = std::min(id, kLargestMicros) * 1000;
  shred_.Bind(1, id);
  shred_.Bind(2, start_ns);
  shred_.Bind(3, first_segment);
  shred_.Bind(4, position.packed());
  if (absl::Status status = shred_.Run(); !status.ok()) return status;
  return chunks_->Shredded(
      {.id = static_cast<int64_t>(id), .end_reason = kShredded, .start_ns = static_cast<int64_t>(start_ns)});
}

absl::Status CallRows::Remove(uint64_t id) {
  remove_.Bind(1, id);
  if (absl::Status status = remove_.Run(); !status.ok()) return status;
  return chunks_->Removed(static_cast<int64_t>(id));
}

}  // namespace sallyport::recorder
