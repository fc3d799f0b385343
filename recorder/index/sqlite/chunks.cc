#include "recorder/index/sqlite/chunks.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sallyport::recorder {
namespace {

constexpr char kChunkColumns[] = "last_id, number, level, first_start_ns, last_start_ns, heads";

}  // namespace

absl::StatusOr<Chunks> Chunks::Create(Database& database, const ChunkSizes& sizes) {
  Chunks chunks(sizes);
  std::vector<std::string> posted;
  for (const PostedColumn& each : kPostedColumns) posted.push_back(CallColumnNames({each.column}));
  const std::string calls = absl::StrCat("SELECT ", absl::StrJoin(posted, ", "), " FROM calls NOT INDEXED ");
  const std::string some_calls = absl::StrCat(calls, "WHERE id > ?1 AND id <= ?2 ORDER BY id");
  const std::string one_call = absl::StrCat(calls, "WHERE id = ?1");
  const std::string chunk = absl::StrCat("SELECT ", kChunkColumns, " FROM chunks ");
  const std::string one_chunk = absl::StrCat(chunk, "WHERE last_id = ?1");
  const std::string last_chunks = absl::StrCat(chunk, "ORDER BY last_id DESC LIMIT ?1");
  const std::string insert_chunk =
      absl::StrCat("INSERT INTO chunks(", kChunkColumns, ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  absl::Status status = database.PrepareAll({
      {&chunks.select_calls_, some_calls},
      {&chunks.select_call_, one_call},
      {&chunks.select_chunk_, one_chunk},
      {&chunks.select_last_chunks_, last_chunks},
      {&chunks.find_chunk_, "SELECT last_id, length(heads) FROM chunks WHERE last_id >= ?1 ORDER BY last_id LIMIT 1"},
      {&chunks.chunk_before_, "SELECT last_id FROM chunks WHERE last_id < ?1 ORDER BY last_id DESC LIMIT 1"},
      {&chunks.insert_chunk_, insert_chunk},
      {&chunks.remove_chunk_, "DELETE FROM chunks WHERE last_id = ?1"},
      {&chunks.select_postings_, "SELECT key, bytes FROM postings WHERE key >= ?1 AND key < ?2 ORDER BY key"},
      {&chunks.select_posting_, "SELECT bytes FROM postings WHERE key = ?1"},
      {&chunks.insert_posting_, "INSERT INTO postings(key, bytes) VALUES (?1, ?2)"},
      {&chunks.remove_postings_, "DELETE FROM postings WHERE key >= ?1 AND key < ?2"},
  });
  if (status.ok()) status = chunks.FindLast(database);
  if (!status.ok()) return status;
  return chunks;
}

absl::Status Chunks::FindLast(Database& database) {
  Statement last;
  absl::Status status = database.PrepareAll({
      {&last, "SELECT last_id, (SELECT max(number) FROM chunks) + 1 FROM chunks ORDER BY last_id DESC LIMIT 1"},
  });
  if (!status.ok()) return status;
  const absl::StatusOr<bool> row = last.Step();
  if (!row.ok()) return row.status();
  if (*row) {
    chunked_to_ = last.Integer(0);
    next_number_ = last.Integer(1);
  }
  // Made again it begins with small numbers.
  if (next_number_ > kChunkNumbers / 2) return absl::DataLossError("the index has used up its numbers for chunks");
  return absl::OkStatus();
}

absl::Status Chunks::LoadNewest() {
  if (loaded_) return absl::OkStatus();
  loaded_ = true;
  return ForEachRow(chunked_to_, std::numeric_limits<int64_t>::max(),
                    [this](const PostedCall& call) { newest_.push_back(call); });
}

void Chunks::SortNewest() {
  if (sorted_) return;
  sorted_ = true;
  std::stable_sort(newest_.begin(), newest_.end(),
                   [](const PostedCall& a, const PostedCall& b) { return a.id < b.id; });
  // Of those with the same id the first one is in the table.
  const auto end = std::unique(newest_.begin(), newest_.end(),
                               [](const PostedCall& a, const PostedCall& b) { return a.id == b.id; });
  newest_.erase(end, newest_.end());
}

std::vector<PostedCall>::iterator Chunks::PlaceOf(int64_t id) {
  SortNewest();
  return std::lower_bound(newest_.begin(), newest_.end(), id,
                          [](const PostedCall& call, int64_t other) { return call.id < other; });
}

absl::Status Chunks::Inserted(const PostedCall& call) {
  if (IsChunked(call.id)) return MarkDirty(call.id);
  if (absl::Status status = LoadNewest(); !status.ok()) return status;
  if (!newest_.empty() && newest_.back().id >= call.id) sorted_ = false;
  newest_.push_back(call);
  return absl::OkStatus();
}

absl::Status Chunks::Ended(const PostedCall& call) {
  const int64_t id = call.id;
  if (!IsChunked(id)) {
    if (absl::Status loaded = LoadNewest(); !loaded.ok()) return loaded;
    const auto place = PlaceOf(id);
    if (place == newest_.end() || place->id != id) return absl::OkStatus();
    *place = call;
    return absl::OkStatus();
  }
  if (absl::Status found = FindChunkOf(id); !found.ok()) return found;
  EndedLate& late = ended_late_[found_.last_id];
  ++late.calls;
  late.most =
      std::max(sizes_.ended_late, found_.stretches * static_cast<int64_t>(kCallsPerStretch) / sizes_.ended_late_in);
  return absl::OkStatus();
}

absl::Status Chunks::Shredded(const PostedCall& call) {
  if (IsChunked(call.id)) return MarkDirty(call.id);
  if (absl::Status status = LoadNewest(); !status.ok()) return status;
  const auto place = PlaceOf(call.id);
  if (place == newest_.end() || place->id != call.id) {
    newest_.insert(place, call);
  } else {
    *place = call;
  }
  return absl::OkStatus();
}

absl::Status Chunks::Removed(int64_t id) {
  if (IsChunked(id)) return MarkDirty(id);
  if (absl::Status status = LoadNewest(); !status.ok()) return status;
  if (const auto place = PlaceOf(id); place != newest_.end() && place->id == id) newest_.erase(place);
  return absl::OkStatus();
}

absl::Status Chunks::FindChunkOf(int64_t id) {
  if (found_.last_id != kNone && id > found_.after && id <= found_.last_id) return absl::OkStatus();
  find_chunk_.Bind(1, id);
  const absl::StatusOr<bool> found = find_chunk_.Step();
  if (found.ok() && *found) {
    found_.last_id = find_chunk_.Integer(0);
    found_.stretches = find_chunk_.Integer(1) / static_cast<int64_t>(StretchHead::kSize);
  }
  find_chunk_.Reset();
  if (!found.ok()) return found.status();
  if (!*found) return absl::InternalError("the index lacks a chunk");
  found_.after = kNone;
  chunk_before_.Bind(1, found_.last_id);
  return chunk_before_.RunForInteger(found_.after).status();
}

absl::Status Chunks::MarkDirty(int64_t id) {
  if (absl::Status status = FindChunkOf(id); !status.ok()) return status;
  dirty_.insert(found_.last_id);
  return absl::OkStatus();
}

absl::Status Chunks::Write() {
  for (int64_t last_id : dirty_) {
    if (absl::Status status = WriteAgain(last_id); !status.ok()) return status;
  }
  dirty_.clear();
  for (auto late = ended_late_.begin(); late != ended_late_.end();) {
    const auto [last_id, ended] = *late++;
    if (ended.calls < ended.most) continue;
    const absl::StatusOr<Chunk> chunk = ReadChunk(last_id);
    if (!chunk.ok()) return chunk.status();
    if (absl::Status status = Merge({*chunk}, chunk->level); !status.ok()) return status;
  }
  return WriteNew();
}

absl::StatusOr<Chunks::Chunk> Chunks::ReadChunk(int64_t last_id) {
  select_chunk_.Bind(1, last_id);
  const absl::StatusOr<bool> row = select_chunk_.Step();
  Chunk chunk;
  if (row.ok() && *row) chunk = ChunkOf(select_chunk_);
  select_chunk_.Reset();
  if (!row.ok()) return row.status();
  if (!*row) return absl::InternalError("the index lacks a chunk");
  return chunk;
}

absl::Status Chunks::WriteAgain(int64_t last_id) {
  const absl::StatusOr<Chunk> chunk = ReadChunk(last_id);
  if (!chunk.ok()) return chunk.status();
  int64_t after = kNone;
  chunk_before_.Bind(1, last_id);
  const absl::StatusOr<bool> before = chunk_before_.RunForInteger(after);
  if (!before.ok()) return before.status();
  if (absl::Status status = Remove(*chunk); !status.ok()) return status;
  builder_.Begin();
  int64_t new_last_id = after;
  const absl::Status status = ForEachRow(after, last_id, [&](const PostedCall& call) {
    builder_.Add(call);
    new_last_id = call.id;
  });
  if (!status.ok()) return status;
  if (last_id == chunked_to_) chunked_to_ = new_last_id;
  return new_last_id == after ? absl::OkStatus() : Insert(new_last_id, chunk->level);
}

absl::Status Chunks::WriteNew() {
  SortNewest();
  size_t written = 0;
  absl::Status status;
  while (status.ok() && newest_.size() - written >= sizes_.calls + sizes_.calls_left) {
    builder_.Begin();
    for (const size_t end = written + sizes_.calls; written < end; ++written) builder_.Add(newest_[written]);
    chunked_to_ = newest_[written - 1].id;
    status = Insert(chunked_to_, /*level=*/0);
    if (status.ok()) status = MergeDue();
  }
  newest_.erase(newest_.begin(), newest_.begin() + static_cast<ptrdiff_t>(written));
  return status;
}

absl::Status Chunks::MergeDue() {
  while (true) {
    std::vector<Chunk> last;
    select_last_chunks_.Bind(1, uint64_t{sizes_.merged});
    absl::StatusOr<bool> row = true;
    while (true) {
      row = select_last_chunks_.Step();
      if (!row.ok() || !*row) break;
      last.push_back(ChunkOf(select_last_chunks_));
    }
    select_last_chunks_.Reset();
    if (!row.ok()) return row.status();
    const int64_t level = last.empty() ? 0 : last.front().level;
    const bool due = last.size() == sizes_.merged && level < sizes_.highest_level &&
                     std::all_of(last.begin(), last.end(), [&](const Chunk& chunk) { return chunk.level == level; });
    if (!due) return absl::OkStatus();
    std::reverse(last.begin(), last.end());
    if (absl::Status status = Merge(last, level + 1); !status.ok()) return status;
  }
}

absl::Status Chunks::Merge(const std::vector<Chunk>& chunks, int64_t level) {
  builder_.Begin();
  for (const Chunk& chunk : chunks) {
    if (absl::Status status = AddChunk(chunk); !status.ok()) return status;
  }
  for (const Chunk& chunk : chunks) {
    if (absl::Status status = Remove(chunk); !status.ok()) return status;
  }
  return Insert(chunks.back().last_id, level);
}

absl::Status Chunks::ForEachRow(int64_t after, int64_t to, absl::FunctionRef<void(const PostedCall&)> row) {
  select_calls_.Bind(1, after);
  select_calls_.Bind(2, to);
  absl::StatusOr<bool> more = true;
  while (true) {
    more = select_calls_.Step();
    if (!more.ok() || !*more) break;
    row(ReadPosted(select_calls_));
  }
  select_calls_.Reset();
  return more.status();
}

absl::Status Chunks::AddChunk(const Chunk& chunk) {
  select_postings_.Bind(1, ChunkKey(chunk.number));
  select_postings_.Bind(2, ChunkKey(chunk.number + 1));
  absl::Status status;
  while (status.ok()) {
    const absl::StatusOr<bool> row = select_postings_.Step();
    status = row.status();
    if (!row.ok() || !*row) break;
    const int64_t key = select_postings_.Integer(0);
    const std::string_view bytes = select_postings_.Text(1);
    if (PostingKindOf(key) == PostingKind::kOpen) {
      status = AddOpenCalls(chunk, bytes);
    } else if (!builder_.AddRow(key, bytes)) {
      status = DamagedPostings();
    }
  }
  select_postings_.Reset();
  if (!status.ok()) return status;
  return builder_.EndChunk(chunk.heads, chunk.starts) ? absl::OkStatus() : DamagedPostings();
}

absl::Status Chunks::AddOpenCalls(const Chunk& chunk, std::string_view row) {
  std::vector<uint64_t> ordinals;
  bool good = true;
  const bool whole = ForEachList(0, row, [&](const PostingList& list) {
    good = ForEachRun(list.runs, [&](uint64_t first, uint64_t count) {
      for (uint64_t i = 0; i < count; ++i) ordinals.push_back(first + i);
    });
    return good;
  });
  if (!whole || !good) return DamagedPostings();
  std::vector<int64_t> ids;
  size_t decoded = chunk.heads.size();  // which stretch's they are
  for (uint64_t ordinal : ordinals) {
    const size_t number = ordinal / kCallsPerStretch;
    if (number != decoded) {
      if (number >= chunk.heads.size() / StretchHead::kSize) return DamagedPostings();
      select_posting_.Bind(1, PostingKey(chunk.number, PostingKind::kStretch, static_cast<int64_t>(number)));
      const absl::StatusOr<bool> found = select_posting_.Step();
      good = found.ok() && *found &&
             DecodeIds(StretchHead::Of(chunk.heads, number).first_id, select_posting_.Text(0), ids);
      select_posting_.Reset();
      if (!found.ok()) return found.status();
      decoded = number;
    }
    const size_t place = ordinal % kCallsPerStretch;
    if (!good || place >= ids.size()) return DamagedPostings();
    select_call_.Bind(1, ids[place]);
    const absl::StatusOr<bool> found = select_call_.Step();
    if (found.ok() && *found) builder_.AddOnceOpen(ordinal, ReadPosted(select_call_));
    select_call_.Reset();
    if (!found.ok()) return found.status();
  }
  return absl::OkStatus();
}

absl::Status Chunks::Insert(int64_t last_id, int64_t level) {
  const int64_t number = next_number_++;
  for (const PostingsBuilder::Row& row : builder_.Finish(number)) {
    insert_posting_.Bind(1, row.key);
    insert_posting_.BindBytes(2, row.bytes);
    if (absl::Status status = insert_posting_.Run(); !status.ok()) return status;
  }
  insert_chunk_.Bind(1, last_id);
  insert_chunk_.Bind(2, number);
  insert_chunk_.Bind(3, level);
  insert_chunk_.Bind(4, builder_.starts().first_ns);
  insert_chunk_.Bind(5, builder_.starts().last_ns);
  insert_chunk_.BindBytes(6, builder_.heads());
  found_ = {};
  return insert_chunk_.Run();
}

absl::Status Chunks::Remove(const Chunk& chunk) {
  remove_postings_.Bind(1, ChunkKey(chunk.number));
  remove_postings_.Bind(2, ChunkKey(chunk.number + 1));
  if (absl::Status status = remove_postings_.Run(); !status.ok()) return status;
  remove_chunk_.Bind(1, chunk.last_id);
  ended_late_.erase(chunk.last_id);
  found_ = {};
  return remove_chunk_.Run();
}

Chunks::Chunk Chunks::ChunkOf(const Statement& row) {
  return {row.Integer(0), row.Integer(1), row.Integer(2), {row.Integer(3), row.Integer(4)}, std::string(row.Text(5))};
}

PostedCall Chunks::ReadPosted(const Statement& row) {
  PostedCall call;
  int column = 0;
  for (const PostedColumn& each : kPostedColumns) call.*each.posted = row.Integer(column++);
  return call;
}

}  // namespace sallyport::recorder
