// Closed stores with some calls, and whether their index is what the log makes of it.
#ifndef SALLYPORT_TESTS_RECORDER_WRITE_FILLED_STORE_H_
#define SALLYPORT_TESTS_RECORDER_WRITE_FILLED_STORE_H_

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "recorder/rebuild.h"
#include "recorder/recorder.h"
#include "tests/recorder/index_dump.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {

inline void NoProgress(const RebuildProgress&) {}

inline void CheckRebuildGivesTheSame(const std::string& store) {
  const std::string before = DumpIndex(store);
  auto calls = RebuildIndex(store, {}, NoProgress);
  REQUIRE(calls.ok());
  CHECK(DumpIndex(store) == before);
}

// A closed store with some calls in two segments.
inline std::vector<uint64_t> FillStore(const std::string& store, int calls = 30, uint64_t segment_bytes = 3000) {
  RecorderOptions options;
  options.directory = store;
  options.segment_bytes = segment_bytes;
  auto recorder = Recorder::Open(options);
  REQUIRE(recorder.ok());
  std::vector<uint64_t> ids;
  for (int i = 0; i < calls; ++i) {
    ids.push_back((*recorder)->NewCallId(absl::Now()));
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, ids.back(), absl::Now(), "/a.B/C")).ok());
  }
  return ids;
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_WRITE_FILLED_STORE_H_
