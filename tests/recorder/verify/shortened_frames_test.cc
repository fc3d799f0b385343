// Frames of which a record rule left some away: they count with what they had, and nothing more is proved of them.
#include <catch2/catch.hpp>

#include "recorder/evidence/evidence.h"
#include "tests/recorder/verify/evidence_fixture.h"

namespace sallyport::recorder {
namespace {

v1::Entry Shortened(v1::Entry entry, uint64_t whole_length) {
  entry.mutable_frame()->set_shortened(true);
  entry.mutable_frame()->set_whole_length(whole_length);
  return entry;
}

// Call 12: its request has its first 3 of 10 bytes, of its responses one is whole and of one nothing is left.
struct Log : EvidenceStore {
  explicit Log(size_t smallest_part = SIZE_MAX, uint64_t request_bytes = 10, uint64_t response_bytes = 9) {
    log.SetSmallestPart(smallest_part);
    log.BeginSegment();
    Add({StartEntry(12), Shortened(FrameEntry(12, v1::DIRECTION_REQUEST, 0, "one"), 10),
         FrameEntry(12, v1::DIRECTION_RESPONSE, 0, "whole")});
    Add({Shortened(FrameEntry(12, v1::DIRECTION_RESPONSE, 1, ""), 4),
         EndEntry(12, 1, 2, request_bytes, response_bytes)});
    Write();
  }
};

TEST_CASE("a store with shortened frames verifies, with lengths as the end counts them") {
  CHECK(Log().Verifies(true));
  // Payloads that are kept apart from their entries, too.
  CHECK(Log(1).Verifies(true));
  // What is left of them is not what the end counts.
  CHECK_FALSE(Log(SIZE_MAX, 3, 5).Verifies(true));
  CHECK_FALSE(Log(1, 3, 5).Verifies(true));
}

TEST_CASE("evidence says how many of a call's frames are shortened") {
  Log store(GENERATE(size_t{1}, size_t{1000}));
  const ProvenCall proven = store.Proven(store.Call(12, {0, 1}));
  CHECK(proven.shortened == 2);
  CHECK(proven.complete);
  CHECK(proven.stated.row.request_bytes == 10);
  CHECK(proven.stated.row.response_bytes == 9);
  REQUIRE(proven.record.size() == 5);
  CHECK(proven.record[1].frame().shortened());
  CHECK(proven.record[1].frame().payload() == "one");
  CHECK_FALSE(proven.record[2].frame().shortened());
}

TEST_CASE("stores of format 3, and calls that are in both, stay true") {
  EvidenceStore store;
  store.log.SetFormat(3);
  store.log.BeginSegment();
  store.Add({StartEntry(12), FrameEntry(12, v1::DIRECTION_REQUEST, 0, "one")});
  store.log.CloseSegment();
  store.log.SetFormat(kFormatVersion);
  store.log.BeginSegment();
  v1::Entry end = EndEntry(12, 1, 0, 3, 0);
  end.mutable_end()->set_entries(3);
  store.Add({end});
  store.Write();
  CHECK(store.Verifies(true));
  const ProvenCall proven = store.Proven(store.Call(12, {0, 1}));
  CHECK(proven.complete);
  CHECK(proven.shortened == 0);
}

TEST_CASE("a segment of a format that is not known is refused by readers and by the verifier") {
  for (const uint16_t format : {uint16_t{1}, static_cast<uint16_t>(kFormatVersion + 1)}) {
    EvidenceStore store;
    store.log.SetFormat(format);
    store.log.BeginSegment();
    store.Add(WholeCall(12));
    store.Write();
    VerifyOptions options;
    options.directory = store.directory.store();
    options.verifier_key = KeyOf(store.keys);
    options.keys = &store.keys;
    const absl::StatusOr<VerifyReport> report = VerifyStore(options);
    if (format > kFormatVersion) {
      CHECK(absl::IsFailedPrecondition(report.status()));
    } else {
      REQUIRE(report.ok());
      CHECK_FALSE(report->verified());
    }
    char header[kSegmentHeaderSize];
    std::copy_n(store.log.segment(1).begin(), sizeof header, header);
    CHECK_FALSE(SegmentHeader::Decode(header).has_value());
    char block[kBlockHeaderSize];
    std::copy_n(store.log.segment(1).begin() + kSegmentHeaderSize, sizeof block, block);
    CHECK_FALSE(BlockHeader::Decode(block).has_value());
  }
}

}  // namespace
}  // namespace sallyport::recorder
