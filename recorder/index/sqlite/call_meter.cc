#include "recorder/index/sqlite/call_meter.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "recorder/format/call_columns.h"
#include "recorder/index/sqlite/call_stretch.h"

namespace sallyport::recorder {
namespace {

constexpr size_t kNoStretch = std::numeric_limits<size_t>::max();

// Several sessions, or traces, may share a list, so that only rows tell; and of open calls, which are few, only rows
// say how they are now.
bool NeedsRows(const CallConditions& conditions) {
  return conditions.session || conditions.trace || conditions.open_only || conditions.first_id > 0 ||
         conditions.last_id != std::numeric_limits<int64_t>::max();
}

// For a call that is not open. Names are what its lists say.
bool Fulfils(const CallMeasures& call, const CallConditions& conditions) {
  if (call.start_ns < conditions.since_ns || call.start_ns >= conditions.until_ns) return false;
  if (call.end_reason == kShredded) {
    return !conditions.identities && !conditions.methods && !conditions.upstreams && !conditions.status &&
           !conditions.min_duration_ns && !conditions.scope;
  }
  return (!conditions.status || call.status == *conditions.status) &&
         (!conditions.min_duration_ns || call.duration_ns >= *conditions.min_duration_ns);
}

MeasuredCall MeasuredCallOf(const Statement& row) {
  MeasuredCall call;
  call.identity = row.Integer(ColumnOf(&CallRow::identity));
  call.method = row.Integer(ColumnOf(&CallRow::method));
  call.upstream = row.Integer(ColumnOf(&CallRow::upstream));
  call.measures.start_ns = row.Integer(ColumnOf(&CallRow::start_ns));
  call.measures.end_reason = row.Integer(ColumnOf(&CallRow::end_reason));
  if (call.measures.end_reason != kShredded) call.measures.end_reason &= ~kConnectionLost;
  call.measures.status = row.Integer(ColumnOf(&CallRow::status));
  call.measures.duration_ns = row.Integer(ColumnOf(&CallRow::duration_ns));
  call.measures.request_bytes = row.Integer(ColumnOf(&CallRow::request_bytes));
  call.measures.response_bytes = row.Integer(ColumnOf(&CallRow::response_bytes));
  return call;
}

}  // namespace

absl::StatusOr<CallMeter> CallMeter::Create(Database& database, CallFinder& finder) {
  absl::StatusOr<PostingsReader> postings = PostingsReader::Create(database);
  if (!postings.ok()) return postings.status();
  CallMeter meter(finder, *std::move(postings));
  const std::string call = absl::StrCat("SELECT ", CallColumnNames(), " FROM calls NOT INDEXED WHERE id = ?1");
  const absl::Status status = database.PrepareAll({
      {&meter.select_chunks_,
       "SELECT last_id, number, length(heads) FROM chunks WHERE last_start_ns >= ?1 AND first_start_ns < ?2 "
       "ORDER BY last_id"},
      {&meter.select_heads_, "SELECT heads FROM chunks WHERE last_id = ?1"},
      {&meter.select_posting_, "SELECT bytes FROM postings WHERE key = ?1"},
      {&meter.select_call_, call},
      {&meter.last_chunk_, "SELECT max(last_id) FROM chunks HAVING count(*) > 0"},
  });
  if (!status.ok()) return status;
  return meter;
}

absl::Status CallMeter::Measure(const CallConditions& conditions, Names names, Take take) {
  if (conditions.since_ns >= conditions.until_ns || (conditions.scope && conditions.scope->empty())) {
    return absl::OkStatus();
  }
  const Search search{conditions, names, take, PostingsReader::WantedBy(conditions)};
  if (NeedsRows(conditions)) return MeasureRows(search, conditions);
  const absl::StatusOr<bool> more = MeasureChunks(search);
  if (!more.ok() || !*more) return more.status();
  // The calls above all chunks have no measures yet.
  CallConditions above = conditions;
  int64_t chunked_to = 0;
  const absl::StatusOr<bool> chunked = last_chunk_.RunForInteger(chunked_to);
  if (!chunked.ok()) return chunked.status();
  if (*chunked && chunked_to == std::numeric_limits<int64_t>::max()) return absl::OkStatus();
  if (*chunked) above.first_id = chunked_to + 1;
  return MeasureRows(search, above);
}

absl::Status CallMeter::MeasureRows(const Search& search, const CallConditions& conditions) {
  return finder_->Find(conditions, [&](const Statement& row) { return search.take(MeasuredCallOf(row)); });
}

absl::StatusOr<bool> CallMeter::MeasureChunks(const Search& search) {
  select_chunks_.Bind(1, search.conditions.since_ns);
  select_chunks_.Bind(2, search.conditions.until_ns);
  absl::StatusOr<bool> more = true;
  while (more.ok() && *more) {
    const absl::StatusOr<bool> row = select_chunks_.Step();
    if (!row.ok()) more = row.status();
    if (!row.ok() || !*row) break;
    more = MeasureChunk(search, select_chunks_.Integer(0), select_chunks_.Integer(1),
                        select_chunks_.Unsigned(2) / StretchHead::kSize);
  }
  select_chunks_.Reset();
  return more;
}

absl::StatusOr<bool> CallMeter::MeasureChunk(const Search& search, int64_t last_id, int64_t chunk, size_t stretches) {
  const size_t ordinals = stretches * kCallsPerStretch;
  if (ordinals > kMostOrdinals) return DamagedPostings();
  const absl::StatusOr<bool> any = postings_.Find(search.wanted, chunk, ordinals, found_);
  if (!any.ok()) return any.status();
  if (!*any) return true;
  select_heads_.Bind(1, last_id);
  const absl::StatusOr<bool> row = select_heads_.Step();
  if (row.ok() && *row) heads_ = select_heads_.Text(0);
  select_heads_.Reset();
  if (!row.ok()) return row.status();
  if (!*row || heads_.size() < stretches * StretchHead::kSize) return DamagedPostings();
  struct Wanted {
    bool wanted;
    PostingKind kind;
    std::vector<int64_t>& names;
  };
  for (const Wanted& each : {Wanted{search.names.identity, PostingKind::kIdentity, identities_},
                             Wanted{search.names.method, PostingKind::kMethod, methods_},
                             Wanted{search.names.upstream, PostingKind::kUpstream, upstreams_}}) {
    if (!each.wanted) continue;
    if (absl::Status status = ReadNames(each.kind, chunk, ordinals, each.names); !status.ok()) return status;
  }
  ids_of_ = kNoStretch;
  for (size_t number = 0; number < stretches; ++number) {
    const absl::StatusOr<bool> more = MeasureStretch(search, chunk, number);
    if (!more.ok() || !*more) return more;
  }
  return true;
}

absl::Status CallMeter::ReadNames(PostingKind kind, int64_t chunk, size_t ordinals, std::vector<int64_t>& names) {
  names.assign(ordinals, 0);
  return postings_.ForEachListOf(kind, chunk, [&](const PostingList& list) {
    return ForEachRun(list.runs, [&](uint64_t first, uint64_t count) {
      const uint64_t end = std::min<uint64_t>(first + count, ordinals);
      for (uint64_t ordinal = first; ordinal < end; ++ordinal) names[ordinal] = list.value;
    });
  });
}

absl::StatusOr<bool> CallMeter::MeasureStretch(const Search& search, int64_t chunk, size_t number) {
  const CallConditions& conditions = search.conditions;
  const size_t first_ordinal = number * kCallsPerStretch;
  if (!found_.HasAny(first_ordinal, first_ordinal + kCallsPerStretch)) return true;
  const StartRange starts = StretchHead::Of(heads_, number).starts;
  if (starts.last_ns < conditions.since_ns || starts.first_ns >= conditions.until_ns) return true;
  select_posting_.Bind(1, PostingKey(chunk, PostingKind::kMeasures, static_cast<int64_t>(number)));
  const absl::StatusOr<bool> row = select_posting_.Step();
  const bool good = row.ok() && *row && DecodeMeasures(select_posting_.Text(0), stretch_);
  select_posting_.Reset();
  if (!row.ok()) return row.status();
  if (!good) return DamagedPostings();
  MeasuredCall call;
  for (size_t place = 0; place < stretch_.calls; ++place) {
    const size_t ordinal = first_ordinal + place;
    if (!found_.Contains(ordinal)) continue;
    absl::StatusOr<bool> more = true;
    if (stretch_.end_reason[place] == kOpen) {
      more = MeasureRow(search, chunk, number, place);
    } else {
      call.measures = stretch_.Get(place);
      if (!Fulfils(call.measures, conditions)) continue;
      if (search.names.identity) call.identity = identities_[ordinal];
      if (search.names.method) call.method = methods_[ordinal];
      if (search.names.upstream) call.upstream = upstreams_[ordinal];
      more = search.take(call);
    }
    if (!more.ok() || !*more) return more;
  }
  return true;
}

absl::StatusOr<bool> CallMeter::MeasureRow(const Search& search, int64_t chunk, size_t number, size_t place) {
  if (ids_of_ != number) {
    select_posting_.Bind(1, PostingKey(chunk, PostingKind::kStretch, static_cast<int64_t>(number)));
    const absl::StatusOr<bool> row = select_posting_.Step();
    const bool good =
        row.ok() && *row && DecodeIds(StretchHead::Of(heads_, number).first_id, select_posting_.Text(0), ids_);
    select_posting_.Reset();
    if (!row.ok()) return row.status();
    if (!good || ids_.size() != stretch_.calls) return DamagedPostings();
    ids_of_ = number;
  }
  select_call_.Bind(1, ids_[place]);
  absl::StatusOr<bool> more = true;
  const absl::StatusOr<bool> row = select_call_.Step();
  if (!row.ok()) more = row.status();
  if (row.ok() && *row && recorder::Fulfils(select_call_, search.conditions)) {
    more = search.take(MeasuredCallOf(select_call_));
  }
  select_call_.Reset();
  return more;
}

}  // namespace sallyport::recorder
