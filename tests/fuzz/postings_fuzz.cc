// Rows of postings: whatever is read from one keeps to the order and the bounds that searches rely on.
#include <cstdint>
#include <string>
#include <vector>

#include "recorder/index/sqlite/call_measures.h"
#include "recorder/index/sqlite/call_stretch.h"
#include "recorder/index/sqlite/ordinal_set.h"
#include "recorder/index/sqlite/postings.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {
namespace {

void CheckRuns(std::string_view runs) {
  RunWriter writer;
  OrdinalSet set;
  set.Reset(1024, /*all=*/false);
  uint64_t end = 0;
  uint64_t total = 0;
  const bool good = ForEachRun(runs, [&](uint64_t first, uint64_t count) {
    Require(first >= end && count >= 1, "runs grow");
    end = first + count;
    Require(end <= kMostOrdinals, "ordinals are bounded");
    set.Add(first, count);
    writer.Add(first, count);
    total += count;
  });
  if (!good) return;
  writer.Flush();
  uint64_t again = 0;
  Require(ForEachRun(writer.List(0).runs, [&](uint64_t, uint64_t count) { again += count; }) && again == total,
          "what is written is read");
  // Behind itself, as when chunks are merged.
  if (total == 0) return;
  const RunWriter once = writer;
  Require(writer.Append(end, once.List(0)), "a list that is read can be appended");
  again = 0;
  uint64_t last = 0;
  if (!ForEachRun(writer.List(0).runs, [&](uint64_t first, uint64_t count) {
        again += count;
        last = first + count;
      })) {
    Require(2 * end > kMostOrdinals, "what is appended is read");
    return;
  }
  Require(again == 2 * total && last == 2 * end && writer.List(0).end == last,
          "nothing is lost where lists are appended");
}

void CheckIds(std::string_view bytes) {
  std::vector<int64_t> ids;
  if (!DecodeIds(-5, bytes, ids)) return;
  Require(!ids.empty() && ids.size() <= kCallsPerStretch, "a stretch is bounded");
  for (size_t i = 1; i < ids.size(); ++i) Require(ids[i - 1] < ids[i], "ids grow");
  std::vector<int64_t> again;
  Require(DecodeIds(-5, EncodeIds(ids), again) && again == ids, "ids that are written are read");
}

void CheckMeasures(std::string_view bytes) {
  StretchMeasures stretch;
  if (!DecodeMeasures(bytes, stretch)) return;
  Require(stretch.calls >= 1 && stretch.calls <= kCallsPerStretch, "measures are bounded");
  StretchMeasures again;
  Require(DecodeMeasures(EncodeMeasures(stretch), again) && again.calls == stretch.calls, "measures can be read again");
  for (size_t i = 0; i < stretch.calls; ++i) {
    Require(again.start_ns[i] == stretch.start_ns[i] && again.response_bytes[i] == stretch.response_bytes[i],
            "measures that are written are read");
  }
}

}  // namespace

void FuzzPostings(std::string_view input) {
  int64_t last = 3;
  ForEachList(PostingKey(1, PostingKind::kMethod, 3), input, [&](const PostingList& list) {
    Require(list.value >= last && list.value <= kLargestPostingValue, "values grow");
    last = list.value;
    CheckRuns(list.runs);
    return true;
  });
  CheckRuns(input);
  CheckIds(input);
  CheckMeasures(input);
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzPostings)
