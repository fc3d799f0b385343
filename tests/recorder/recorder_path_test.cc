// The whole way: append, sync, index, find, read.
#include <catch2/catch.hpp>

#include "absl/time/clock.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

CallQuery OpenOnly() {
  CallQuery query;
  query.open_only = true;
  return query;
}

TEST_CASE("a call that was appended durably is found and read back whole") {
  TemporaryDirectory directory;
  const absl::Time now = absl::Now();
  uint64_t id = 0;
  {
    auto recorder = Recorder::Open({.directory = directory.store()});
    REQUIRE(recorder.ok());
    id = (*recorder)->NewCallId(now);
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, id, now, "/shop.Payments/Charge", 5)).ok());
    REQUIRE((*recorder)->Flush().ok());

    auto reader = RecordReader::Open(directory.store());
    REQUIRE(reader.ok());
    CHECK((*reader)->Calls({})->size() == 1);
  }
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  auto calls = (*reader)->Calls({});
  REQUIRE(calls.ok());
  REQUIRE(calls->size() == 1);
  const CallSummary& call = calls->front();
  CHECK(call.id == id);
  CHECK(call.method == "shop.Payments/Charge");
  CHECK(call.identity == "https://idp.test#alice");
  CHECK(call.upstream == "payments");
  CHECK(call.peer == "ipv4:10.0.0.7:51514");
  CHECK(call.session_id == 7);
  CHECK(call.start == absl::FromUnixNanos(absl::ToUnixNanos(now)));
  CHECK(call.end_reason == v1::END_REASON_COMPLETED);
  CHECK(call.status_code == 5);
  CHECK(call.duration == absl::Milliseconds(3));
  CHECK(call.request_frames == 1);
  CHECK(call.response_bytes == 15);

  const std::vector<v1::Entry> entries = EntriesOf(**reader, id);
  REQUIRE(entries.size() == 6);
  CHECK(entries[0].start().method() == "/shop.Payments/Charge");
  CHECK(entries[1].frame().payload() == "request bytes");
  CHECK(entries[2].has_half_close());
  CHECK(entries[3].has_response_headers());
  CHECK(entries[4].frame().payload() == "response bytes!");
  CHECK(entries[5].end().status_code() == 5);
}

TEST_CASE("a call left open when the recorder closes is ended as interrupted") {
  TemporaryDirectory directory;
  const absl::Time now = absl::Now();
  uint64_t id = 0;
  {
    auto recorder = Recorder::Open({.directory = directory.store()});
    REQUIRE(recorder.ok());
    id = (*recorder)->NewCallId(now);
    EntryBatch batch = (*recorder)->NewBatch(id);
    batch.AddStart(now, StartOf("/shop.Payments/Watch"));
    batch.AddFrame(now + absl::Seconds(1), Direction::kRequest, 0, false, {"12345"});
    CHECK((*recorder)->Append(std::move(batch), Until::kAccepted, nullptr) == Appended::kDone);
    REQUIRE((*recorder)->Flush().ok());
    auto reader = RecordReader::Open(directory.store());
    REQUIRE(reader.ok());
    auto open = (*reader)->Calls(OpenOnly());
    REQUIRE(open.ok());
    REQUIRE(open->size() == 1);
    CHECK(open->front().end_reason == v1::END_REASON_UNSPECIFIED);
    CHECK(EntriesOf(**reader, id).size() == 2);
  }
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  auto call = (*reader)->Call(id);
  REQUIRE(call.ok());
  CHECK(call->end_reason == v1::END_REASON_INTERRUPTED);
  CHECK(call->status_code == 14);
  CHECK(call->request_frames == 1);
  CHECK(call->request_bytes == 5);
  CHECK(call->duration == absl::Seconds(1));
  CHECK(EntriesOf(**reader, id).size() == 3);
}

TEST_CASE("a call can be read while another one is, whether or not they share a block") {
  TemporaryDirectory directory;
  const absl::Time now = absl::Now();
  auto recorder = Recorder::Open({.directory = directory.store()});
  REQUIRE(recorder.ok());
  std::vector<uint64_t> ids;
  for (const bool apart : {false, false, true}) {
    if (apart) REQUIRE((*recorder)->Flush().ok());
    ids.push_back((*recorder)->NewCallId(now));
    EntryBatch batch = UnaryCall(**recorder, ids.back(), now, "/shop.Payments/Charge");
    CHECK((*recorder)->Append(std::move(batch), Until::kAccepted, nullptr) == Appended::kDone);
  }
  REQUIRE((*recorder)->Flush().ok());
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  for (const uint64_t outer : ids) {
    int entries = 0;
    const absl::Status status = (*reader)->ReadCall(outer, [&](const v1::Entry& entry) {
      CHECK(entry.call_id() == outer);
      ++entries;
      for (const uint64_t inner : ids) CHECK(EntriesOf(**reader, inner).size() == 6);
      return absl::OkStatus();
    });
    CHECK(status.ok());
    CHECK(entries == 6);
  }
}

}  // namespace
}  // namespace sallyport::recorder
