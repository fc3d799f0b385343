#include "recorder/index/sqlite/postings_builder.h"

#include <algorithm>
#include <utility>

#include "recorder/format/call_columns.h"

namespace sallyport::recorder {
namespace {

// Some rows then fit on a page, and few lists are read in vain.
constexpr size_t kRowSize = 2000;

}  // namespace

void PostingsBuilder::Begin() {
  by_key_.clear();
  used_ = 0;
  stretches_.clear();
  measures_.clear();
  heads_.clear();
  starts_ = {};
  ids_.clear();
  ids_starts_ = {};
  base_ = 0;
  ended_.clear();
  once_open_.clear();
}

RunWriter& PostingsBuilder::List(int64_t key) {
  const auto [found, fresh] = by_key_.try_emplace(key, used_);
  if (fresh) {
    if (used_ == lists_.size()) lists_.emplace_back();
    lists_[used_++].Clear();
  }
  return lists_[found->second];
}

void PostingsBuilder::Add(const PostedCall& call) {
  if (ids_.size() == kCallsPerStretch) EndStretch();
  const uint64_t ordinal = stretches_.size() * kCallsPerStretch + ids_.size();
  ids_measures_.Set(ids_.size(), MeasuresOf(call));
  ids_.push_back(call.id);
  ids_starts_.Add({call.start_ns, call.start_ns});
  if (call.end_reason == kShredded) return;
  AddTo(PostingKind::kIdentity, call.identity, ordinal);
  AddTo(PostingKind::kMethod, call.method, ordinal);
  AddTo(PostingKind::kUpstream, call.upstream, ordinal);
  AddTo(PostingKind::kSession, SessionValue(call.session), ordinal);
  if (call.trace_high != 0 || call.trace_low != 0) {
    AddTo(PostingKind::kTrace, TraceValue(call.trace_high, call.trace_low), ordinal);
  }
  if (call.end_reason == kOpen) return AddTo(PostingKind::kOpen, 0, ordinal);
  AddTo(PostingKind::kStatus, call.status, ordinal);
  AddTo(PostingKind::kDuration, DurationValue(call.duration_ns), ordinal);
}

void PostingsBuilder::EndStretch() {
  StretchHead{ids_.front(), ids_starts_}.AppendTo(heads_);
  stretches_.push_back(EncodeIds(ids_));
  ids_measures_.calls = ids_.size();
  measures_.push_back(EncodeMeasures(ids_measures_));
  starts_.Add(ids_starts_);
  ids_.clear();
  ids_starts_ = {};
}

bool PostingsBuilder::AddRow(int64_t key, std::string_view bytes) {
  const PostingKind kind = PostingKindOf(key);
  if (kind == PostingKind::kStretch) {
    stretches_.emplace_back(bytes);
    return true;
  }
  if (kind == PostingKind::kMeasures) {
    measures_.emplace_back(bytes);
    return true;
  }
  bool good = true;
  const bool whole = ForEachList(key, bytes, [&](const PostingList& list) {
    good = AddList(PostingKey(0, kind, list.value), list);
    return good;
  });
  return good && whole;
}

bool PostingsBuilder::AddList(int64_t key, const PostingList& list) {
  RunWriter& writer = List(key);
  const auto ended = ended_.find(key);
  if (ended == ended_.end()) return writer.Append(base_, list);
  std::vector<uint64_t> ordinals = std::move(ended->second);
  ended_.erase(ended);
  const bool good = ForEachRun(list.runs, [&](uint64_t first, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) ordinals.push_back(base_ + first + i);
  });
  std::sort(ordinals.begin(), ordinals.end());
  for (uint64_t ordinal : ordinals) writer.Add(ordinal, 1);
  return good;
}

void PostingsBuilder::AddOnceOpen(uint64_t ordinal, const PostedCall& call) {
  if (call.end_reason == kShredded) return;
  ordinal += base_;
  if (call.end_reason != kOpen) once_open_.emplace_back(ordinal, MeasuresOf(call));
  if (call.end_reason == kOpen) return AddTo(PostingKind::kOpen, 0, ordinal);
  ended_[PostingKey(0, PostingKind::kStatus, call.status)].push_back(ordinal);
  ended_[PostingKey(0, PostingKind::kDuration, DurationValue(call.duration_ns))].push_back(ordinal);
}

bool PostingsBuilder::EndChunk(std::string_view heads, const StartRange& starts) {
  for (const auto& [key, ordinals] : ended_) {
    RunWriter& writer = List(key);
    for (uint64_t ordinal : ordinals) writer.Add(ordinal, 1);
  }
  ended_.clear();
  heads_.append(heads);
  starts_.Add(starts);
  base_ = stretches_.size() * kCallsPerStretch;
  return measures_.size() == stretches_.size() && UpdateMeasures();
}

bool PostingsBuilder::UpdateMeasures() {
  StretchMeasures stretch;
  for (size_t i = 0; i < once_open_.size();) {
    const size_t number = once_open_[i].first / kCallsPerStretch;
    if (number >= measures_.size() || !DecodeMeasures(measures_[number], stretch)) return false;
    for (; i < once_open_.size() && once_open_[i].first / kCallsPerStretch == number; ++i) {
      const size_t place = once_open_[i].first % kCallsPerStretch;
      if (place >= stretch.calls) return false;
      stretch.Set(place, once_open_[i].second);
    }
    measures_[number] = EncodeMeasures(stretch);
  }
  once_open_.clear();
  return true;
}

std::vector<PostingsBuilder::Row> PostingsBuilder::Finish(int64_t chunk) {
  std::vector<std::pair<int64_t, size_t>> keys(by_key_.begin(), by_key_.end());
  std::sort(keys.begin(), keys.end());
  std::vector<Row> rows;
  int64_t last_key = 0;
  for (const auto& [key, list] : keys) {
    lists_[list].Flush();
    const PostingList postings = lists_[list].List(PostingValueOf(key));
    if (rows.empty() || PostingKindOf(key) != PostingKindOf(last_key) ||
        rows.back().bytes.size() + postings.runs.size() > kRowSize) {
      rows.push_back({ChunkKey(chunk) | key, ""});
      last_key = key;
    }
    AppendList(rows.back().bytes, PostingValueOf(last_key), postings);
    last_key = key;
  }
  if (!ids_.empty()) EndStretch();
  for (size_t i = 0; i < measures_.size(); ++i) {
    rows.push_back({PostingKey(chunk, PostingKind::kMeasures, static_cast<int64_t>(i)), std::move(measures_[i])});
  }
  for (size_t i = 0; i < stretches_.size(); ++i) {
    rows.push_back({PostingKey(chunk, PostingKind::kStretch, static_cast<int64_t>(i)), std::move(stretches_[i])});
  }
  return rows;
}

}  // namespace sallyport::recorder
