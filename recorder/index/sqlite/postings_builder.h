// Makes the rows of a chunk (postings.h).
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_POSTINGS_BUILDER_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_POSTINGS_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "recorder/format/call_columns.h"
#include "recorder/index/sqlite/call_measures.h"
#include "recorder/index/sqlite/call_stretch.h"
#include "recorder/index/sqlite/postings.h"

namespace sallyport::recorder {

// What a call is posted under.
struct PostedCall {
  int64_t id = 0;
  int64_t identity = 0;
  int64_t session = 0;
  int64_t method = 0;
  int64_t upstream = 0;
  int64_t end_reason = 0;
  int64_t status = 0;
  int64_t duration_ns = 0;
  int64_t start_ns = 0;
  int64_t trace_high = 0;
  int64_t trace_low = 0;
  int64_t request_bytes = 0;
  int64_t response_bytes = 0;
};

// From which columns it comes.
struct PostedColumn {
  int64_t PostedCall::*posted;
  int64_t CallRow::*column;
};
inline constexpr PostedColumn kPostedColumns[] = {
    {&PostedCall::id, &CallRow::id},
    {&PostedCall::identity, &CallRow::identity},
    {&PostedCall::session, &CallRow::session},
    {&PostedCall::method, &CallRow::method},
    {&PostedCall::upstream, &CallRow::upstream},
    {&PostedCall::end_reason, &CallRow::end_reason},
    {&PostedCall::status, &CallRow::status},
    {&PostedCall::duration_ns, &CallRow::duration_ns},
    {&PostedCall::start_ns, &CallRow::start_ns},
    {&PostedCall::trace_high, &CallRow::trace_high},
    {&PostedCall::trace_low, &CallRow::trace_low},
    {&PostedCall::request_bytes, &CallRow::request_bytes},
    {&PostedCall::response_bytes, &CallRow::response_bytes},
};
static_assert(sizeof(PostedCall) == std::size(kPostedColumns) * sizeof(int64_t), "each member comes from a column");

inline PostedCall PostedCallOf(const CallRow& row) {
  PostedCall call;
  for (const PostedColumn& each : kPostedColumns) call.*each.posted = row.*each.column;
  return call;
}
inline CallMeasures MeasuresOf(const PostedCall& call) {
  return {call.start_ns, call.end_reason, call.status, call.duration_ns, call.request_bytes, call.response_bytes};
}

// One chunk at a time, made either of calls or of the rows of other chunks. Not thread-safe.
class PostingsBuilder {
 public:
  void Begin();

  // The call with the next larger id.
  void Add(const PostedCall& call);

  // Merges chunks, one after another. For each chunk: AddRow for each of its rows in order of their keys, but those
  // that list open calls (false if the bytes are no row); AddOnceOpen for each call that those list, as it is now, in
  // order; then EndChunk, with what is known of the chunk's stretches (false if its measures are damaged).
  bool AddRow(int64_t key, std::string_view bytes);
  void AddOnceOpen(uint64_t ordinal, const PostedCall& call);
  bool EndChunk(std::string_view heads, const StartRange& starts);

  struct Row {
    int64_t key = 0;
    std::string bytes;
  };
  // In order of their keys.
  std::vector<Row> Finish(int64_t chunk);
  // After Finish: of all stretches (StretchHead), and when their calls began.
  const std::string& heads() const { return heads_; }
  const StartRange& starts() const { return starts_; }

 private:
  RunWriter& List(int64_t key);
  void AddTo(PostingKind kind, int64_t value, uint64_t ordinal) { List(PostingKey(0, kind, value)).Add(ordinal, 1); }
  bool AddList(int64_t key, const PostingList& list);
  // Puts what is known by now of calls that were open into the measures.
  bool UpdateMeasures();
  void EndStretch();

  absl::flat_hash_map<int64_t, size_t> by_key_;
  std::vector<RunWriter> lists_;  // those from used_ on are left over
  size_t used_ = 0;
  std::vector<std::string> stretches_;  // ids, as bytes
  std::vector<std::string> measures_;   // of each stretch, as bytes
  std::string heads_;
  StartRange starts_;
  // The stretch that calls are added to.
  std::vector<int64_t> ids_;
  StartRange ids_starts_;
  StretchMeasures ids_measures_;
  uint64_t base_ = 0;  // the ordinal of the first call of the chunk whose rows are added
  // Ordinals of that chunk's calls that have ended since its lists were written, by key.
  std::map<int64_t, std::vector<uint64_t>> ended_;
  std::vector<std::pair<uint64_t, CallMeasures>> once_open_;  // by ordinal
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_POSTINGS_BUILDER_H_
