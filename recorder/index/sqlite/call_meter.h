// Hands on what calls say in numbers.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_CALL_METER_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_CALL_METER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/index/sqlite/call_conditions.h"
#include "recorder/index/sqlite/call_finder.h"
#include "recorder/index/sqlite/call_measures.h"
#include "recorder/index/sqlite/ordinal_set.h"
#include "recorder/index/sqlite/postings_reader.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

struct MeasuredCall {
  // Numbers of names, of those that were asked for; of others, and of shredded calls, 0.
  int64_t identity = 0;
  int64_t method = 0;
  int64_t upstream = 0;
  CallMeasures measures;
};

// Finds calls as CallFinder does, but reads no rows where a chunk says enough: ten million calls take a fraction of a
// second. Memory is bounded by the size of a chunk. Several statements make one answer, so the caller has a transaction
// open. One search at a time; not thread-safe.
class CallMeter {
 public:
  // Which names are wanted.
  struct Names {
    bool identity = false;
    bool method = false;
    bool upstream = false;
  };

  // Both must outlive it.
  static absl::StatusOr<CallMeter> Create(Database& database, CallFinder& finder);

  // Hands on calls, in about the order of their ids, until `take` returns false or an error, which is then returned.
  // The conditions' order means nothing.
  using Take = absl::FunctionRef<absl::StatusOr<bool>(const MeasuredCall& call)>;
  absl::Status Measure(const CallConditions& conditions, Names names, Take take);

 private:
  struct Search {
    const CallConditions& conditions;
    Names names;
    Take take;
    PostingsReader::Wanted wanted;
  };

  CallMeter(CallFinder& finder, PostingsReader postings) : finder_(&finder), postings_(std::move(postings)) {}

  // Each returns whether to go on.
  absl::StatusOr<bool> MeasureChunks(const Search& search);
  absl::StatusOr<bool> MeasureChunk(const Search& search, int64_t last_id, int64_t chunk, size_t stretches);
  absl::StatusOr<bool> MeasureStretch(const Search& search, int64_t chunk, size_t number);
  // A call that was open when its chunk was written.
  absl::StatusOr<bool> MeasureRow(const Search& search, int64_t chunk, size_t number, size_t place);
  absl::Status MeasureRows(const Search& search, const CallConditions& conditions);
  // Says of each ordinal which name it has.
  absl::Status ReadNames(PostingKind kind, int64_t chunk, size_t ordinals, std::vector<int64_t>& names);

  CallFinder* finder_;
  PostingsReader postings_;
  Statement select_chunks_;
  Statement select_heads_;
  Statement select_posting_;
  Statement select_call_;
  Statement last_chunk_;

  // Kept for their capacity.
  OrdinalSet found_;
  std::string heads_;
  StretchMeasures stretch_;
  std::vector<int64_t> ids_;
  size_t ids_of_ = 0;  // the stretch that `ids_` are of
  std::vector<int64_t> identities_;
  std::vector<int64_t> methods_;
  std::vector<int64_t> upstreams_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_CALL_METER_H_
