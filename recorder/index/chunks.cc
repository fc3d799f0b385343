#include "recorder/index/chunks.h"

#include <utility>

namespace sallyport::recorder {

absl::StatusOr<Chunks> Chunks::Create(Database& database) {
  Chunks chunks;
  absl::Status status = database.PrepareAll({
      {&chunks.select_calls_,
       "SELECT id, identity, session, method, upstream, end_reason, status, duration_ns FROM calls NOT INDEXED "
       "WHERE id > ?1 AND id <= ?2 ORDER BY id"},
      {&chunks.insert_chunk_, "INSERT INTO chunks(last_id, number) VALUES (?1, ?2)"},
      {&chunks.insert_posting_, "INSERT INTO postings(key, ids) VALUES (?1, ?2)"},
      {&chunks.find_chunk_, "SELECT last_id FROM chunks WHERE last_id >= ?1 ORDER BY last_id LIMIT 1"},
      {&chunks.chunk_before_, "SELECT last_id FROM chunks WHERE last_id < ?1 ORDER BY last_id DESC LIMIT 1"},
      {&chunks.chunk_number_, "SELECT number FROM chunks WHERE last_id = ?1"},
      {&chunks.remove_chunk_, "DELETE FROM chunks WHERE last_id = ?1"},
      {&chunks.remove_postings_, "DELETE FROM postings WHERE key >= ?1 AND key < ?2"},
  });
  if (status.ok()) status = chunks.Load(database);
  if (!status.ok()) return status;
  return chunks;
}

absl::Status Chunks::Load(Database& database) {
  Statement last;
  Statement unchunked;
  const absl::Status status = database.PrepareAll({
      {&last, "SELECT last_id, (SELECT max(number) FROM chunks) + 1 FROM chunks ORDER BY last_id DESC LIMIT 1"},
      {&unchunked, "SELECT count(*) FROM calls NOT INDEXED WHERE id > ?1"},
  });
  if (!status.ok()) return status;
  const absl::StatusOr<bool> row = last.Step();
  if (!row.ok()) return row.status();
  if (*row) {
    chunked_to_ = last.Integer(0);
    next_number_ = last.Integer(1);
  }
  unchunked.Bind(1, chunked_to_);
  return unchunked.RunForInteger(unchunked_).status();
}

absl::Status Chunks::Inserted(int64_t id) {
  if (IsChunked(id)) return MarkDirty(id);
  ++unchunked_;
  return absl::OkStatus();
}

absl::Status Chunks::Changed(int64_t id) { return IsChunked(id) ? MarkDirty(id) : absl::OkStatus(); }

absl::Status Chunks::Removed(int64_t id) {
  if (IsChunked(id)) return MarkDirty(id);
  --unchunked_;
  return absl::OkStatus();
}

absl::Status Chunks::MarkDirty(int64_t id) {
  if (dirty_to_ != kNone && id > dirty_after_ && id <= dirty_to_) return absl::OkStatus();
  find_chunk_.Bind(1, id);
  absl::StatusOr<bool> found = find_chunk_.RunForInteger(dirty_to_);
  if (!found.ok()) return found.status();
  if (!*found) return absl::InternalError("the index lacks a chunk");
  dirty_after_ = kNone;
  chunk_before_.Bind(1, dirty_to_);
  found = chunk_before_.RunForInteger(dirty_after_);
  dirty_.insert(dirty_to_);
  return found.status();
}

absl::Status Chunks::Write() {
  for (int64_t last_id : dirty_) {
    if (absl::Status status = WriteAgain(last_id); !status.ok()) return status;
  }
  dirty_.clear();
  dirty_to_ = kNone;
  if (unchunked_ < kCalls + kCallsLeft) return absl::OkStatus();
  const absl::StatusOr<int64_t> written =
      WriteChunks(chunked_to_, std::numeric_limits<int64_t>::max(), Rest::kLeave);
  if (!written.ok()) return written.status();
  unchunked_ -= *written;
  return absl::OkStatus();
}

absl::Status Chunks::WriteAgain(int64_t last_id) {
  int64_t number = 0;
  chunk_number_.Bind(1, last_id);
  absl::StatusOr<bool> found = chunk_number_.RunForInteger(number);
  if (!found.ok()) return found.status();
  int64_t after = kNone;
  chunk_before_.Bind(1, last_id);
  found = chunk_before_.RunForInteger(after);
  if (!found.ok()) return found.status();
  remove_postings_.Bind(1, ChunkKey(number));
  remove_postings_.Bind(2, ChunkKey(number + 1));
  if (absl::Status status = remove_postings_.Run(); !status.ok()) return status;
  remove_chunk_.Bind(1, last_id);
  if (absl::Status status = remove_chunk_.Run(); !status.ok()) return status;
  const int64_t chunked_to = chunked_to_;
  if (last_id == chunked_to_) chunked_to_ = after;
  const absl::Status status = WriteChunks(after, last_id, Rest::kTake).status();
  if (last_id != chunked_to) chunked_to_ = chunked_to;
  return status;
}

absl::StatusOr<int64_t> Chunks::WriteChunks(int64_t after, int64_t to, Rest rest) {
  int64_t left = rest == Rest::kTake ? std::numeric_limits<int64_t>::max() : unchunked_ - kCallsLeft;
  int64_t written = 0;
  int64_t in_chunk = 0;
  int64_t last_id = 0;
  select_calls_.Bind(1, after);
  select_calls_.Bind(2, to);
  absl::Status status;
  while (status.ok() && left >= kCalls - in_chunk) {
    const absl::StatusOr<bool> row = select_calls_.Step();
    if (!row.ok() || !*row) {
      status = row.status();
      break;
    }
    if (in_chunk == 0) builder_.Begin(next_number_);
    last_id = select_calls_.Integer(0);
    builder_.Add({last_id, select_calls_.Integer(1), select_calls_.Integer(2), select_calls_.Integer(3),
                  select_calls_.Integer(4), select_calls_.Integer(5), select_calls_.Integer(6),
                  select_calls_.Integer(7)});
    --left;
    if (++in_chunk < kCalls) continue;
    status = WriteChunk(last_id);
    written += in_chunk;
    in_chunk = 0;
  }
  select_calls_.Reset();
  if (status.ok() && in_chunk != 0) {
    status = WriteChunk(last_id);
    written += in_chunk;
  }
  if (!status.ok()) return status;
  return written;
}

absl::Status Chunks::WriteChunk(int64_t last_id) {
  for (const PostingsBuilder::Posting& posting : builder_.Finish()) {
    insert_posting_.Bind(1, posting.key);
    insert_posting_.BindBytes(2, posting.ids);
    if (absl::Status status = insert_posting_.Run(); !status.ok()) return status;
  }
  insert_chunk_.Bind(1, last_id);
  insert_chunk_.Bind(2, next_number_);
  if (absl::Status status = insert_chunk_.Run(); !status.ok()) return status;
  ++next_number_;
  chunked_to_ = last_id;
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
