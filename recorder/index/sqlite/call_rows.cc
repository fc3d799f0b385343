#include "recorder/index/sqlite/call_rows.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

std::string InsertSql(std::string_view insert, size_t rows) {
  const std::string row = absl::StrCat("(", absl::StrJoin(std::vector<std::string>(kCallColumnCount, "?"), ","), ")");
  return absl::StrCat(View(insert), " INTO calls(", CallColumnNames(), ") VALUES ",
                      absl::StrJoin(std::vector<std::string>(rows, row), ","));
}

// What an end changes in a row: what it says, and where it stands. The row's id is the first parameter.
bool ChangesWithEnd(const CallColumn& column) { return column.said_by != CallColumn::SaidBy::kStart; }

std::string SetEndSql() {
  std::string sql = "UPDATE calls SET ";
  int parameter = 1;
  for (const CallColumn& column : kCallColumns) {
    if (!ChangesWithEnd(column)) continue;
    absl::StrAppend(&sql, parameter == 1 ? "" : ", ", View(column.name), " = ?", parameter + 1);
    ++parameter;
  }
  return absl::StrCat(sql, " WHERE id = ?1");
}

}  // namespace

CallRow CallRowOf(const Statement& row) {
  CallRow call;
  for (int i = 0; i < kCallColumnCount; ++i) call.*kCallColumns[i].value = row.Integer(i);
  return call;
}

void BindCallRow(const CallRow& row, int first_parameter, Statement& statement) {
  for (int i = 0; i < kCallColumnCount; ++i) statement.Bind(first_parameter + i, row.*kCallColumns[i].value);
}

absl::StatusOr<CallRows> CallRows::Create(Database& database, Chunks& chunks) {
  CallRows rows(chunks);
  const std::string insert_one = InsertSql("INSERT OR IGNORE", 1);
  const std::string insert_together = InsertSql("INSERT OR IGNORE", kTogether);
  const std::string replace = InsertSql("INSERT OR REPLACE", 1);
  const std::string set_end = SetEndSql();
  const std::string find = absl::StrCat("SELECT ", CallColumnNames(), " FROM calls WHERE id = ?1");
  const absl::Status status = database.PrepareAll({
      {&rows.insert_one_, insert_one},
      {&rows.insert_together_, insert_together},
      {&rows.set_end_, set_end},
      {&rows.set_position_, "UPDATE calls SET position = ?2 WHERE id = ?1"},
      {&rows.find_, find},
      {&rows.replace_, replace},
      {&rows.remove_, "DELETE FROM calls WHERE id = ?1"},
  });
  if (!status.ok()) return status;
  return rows;
}

absl::Status CallRows::Add(const CallRow& row) {
  waiting_.push_back(row);
  return waiting_.size() < kMostWaiting ? absl::OkStatus() : Flush();
}

absl::Status CallRows::Flush() {
  order_.resize(waiting_.size());
  std::iota(order_.begin(), order_.end(), 0);
  std::stable_sort(order_.begin(), order_.end(), [this](uint32_t a, uint32_t b) {
    return static_cast<uint64_t>(waiting_[a].id) < static_cast<uint64_t>(waiting_[b].id);
  });
  size_t done = 0;
  while (done < order_.size()) {
    const size_t count = order_.size() - done >= kTogether ? kTogether : 1;
    Statement& insert = count == 1 ? insert_one_ : insert_together_;
    for (size_t i = 0; i < count; ++i) {
      const CallRow& row = waiting_[order_[done + i]];
      BindCallRow(row, 1 + static_cast<int>(i) * kCallColumnCount, insert);
      if (absl::Status status = chunks_->Inserted(PostedCallOf(row)); !status.ok()) return status;
    }
    if (absl::Status status = insert.Run(); !status.ok()) return status;
    done += count;
  }
  waiting_.clear();
  return absl::OkStatus();
}

absl::Status CallRows::SetEnd(const CallRow& row) {
  set_end_.Bind(1, row.id);
  int parameter = 2;
  for (const CallColumn& column : kCallColumns) {
    if (ChangesWithEnd(column)) set_end_.Bind(parameter++, row.*column.value);
  }
  if (absl::Status status = set_end_.Run(); !status.ok()) return status;
  return chunks_->Ended(PostedCallOf(row));
}

absl::Status CallRows::SetPosition(uint64_t id, Position position) {
  set_position_.Bind(1, id);
  set_position_.Bind(2, position.packed());
  return set_position_.Run();
}

absl::StatusOr<bool> CallRows::Find(uint64_t id, CallRow& row) {
  find_.Bind(1, id);
  const absl::StatusOr<bool> found = find_.Step();
  if (found.ok() && *found) row = CallRowOf(find_);
  find_.Reset();
  return found;
}

absl::Status CallRows::Shred(uint64_t id, uint64_t first_segment, Position position) {
  // Ids are microseconds; see recorder/format/call_id.h.
  constexpr uint64_t kLargestMicros = uint64_t{INT64_MAX} / 1000;
  CallRow row;
  row.id = static_cast<int64_t>(id);
  row.start_ns = static_cast<int64_t>(std::min(id, kLargestMicros) * 1000);
  row.end_reason = kShredded;
  row.first_segment = static_cast<int64_t>(first_segment);
  row.position = static_cast<int64_t>(position.packed());
  BindCallRow(row, 1, replace_);
  if (absl::Status status = replace_.Run(); !status.ok()) return status;
  return chunks_->Shredded(PostedCallOf(row));
}

absl::Status CallRows::Remove(uint64_t id) {
  remove_.Bind(1, id);
  if (absl::Status status = remove_.Run(); !status.ok()) return status;
  return chunks_->Removed(static_cast<int64_t>(id));
}

}  // namespace sallyport::recorder
