// Rows of postings: whatever is read from one keeps to the order and the bounds that searches rely on.
#include <cstdint>
#include <string>
#include <vector>

#include "recorder/index/call_stretch.h"
#include "recorder/index/ordinal_set.h"
#include "recorder/index/postings.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {
namespace {

void CheckList(std::string_view list) {
  RunWriter writer;
  OrdinalSet set;
  set.Reset(1024, /*all=*/false);
  uint64_t end = 0;
  uint64_t total = 0;
  const bool good = ForEachRun(list, [&](uint64_t first, uint64_t count) {
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
  Require(ForEachRun(writer.bytes(), [&](uint64_t, uint64_t count) { again += count; }) && again == total,
          "what is written is read");
}

void CheckIds(std::string_view bytes) {
  std::vector<int64_t> ids;
  if (!DecodeIds(-5, bytes, ids)) return;
  Require(!ids.empty() && ids.size() <= kCallsPerStretch, "a stretch is bounded");
  for (size_t i = 1; i < ids.size(); ++i) Require(ids[i - 1] < ids[i], "ids grow");
  std::vector<int64_t> again;
  Require(DecodeIds(-5, EncodeIds(ids), again) && again == ids, "ids that are written are read");
}

}  // namespace

void FuzzPostings(std::string_view input) {
  int64_t last = 3;
  ForEachList(PostingKey(1, PostingKind::kMethod, 3), input, [&](int64_t value, std::string_view list) {
    Require(value >= last && value <= kLargestPostingValue, "values grow");
    last = value;
    CheckList(list);
    return true;
  });
  CheckList(input);
  CheckIds(input);
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzPostings)
