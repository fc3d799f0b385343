// Deleting segments, and shredding them, while a gateway runs.
#include "recorder/write/retention.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/format/tree_state.h"
#include "recorder/keys/key_admin.h"
#include "recorder/log/deleted_segments.h"
#include "recorder/log/segment_reader.h"
#include "recorder/rebuild.h"
#include "recorder/system/private_file.h"
#include "recorder/write/legal_holds.h"
#include "recorder/write/log_recorder.h"
#include "tests/recorder/faulty_files.h"
#include "tests/recorder/index_dump.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/verified_store.h"

namespace sallyport::recorder {
namespace {

constexpr uint64_t kSegmentBytes = 3000;

std::vector<uint64_t> FillStore(const RecorderOptions& options, int calls) {
  auto recorder = Recorder::Open(options);
  REQUIRE(recorder.ok());
  std::vector<uint64_t> ids;
  for (int i = 0; i < calls; ++i) {
    ids.push_back((*recorder)->NewCallId(absl::Now()));
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, ids.back(), absl::Now(), "/a.B/C")).ok());
  }
  return ids;
}

size_t CallsIn(const std::string& store) {
  auto reader = RecordReader::Open(store);
  REQUIRE(reader.ok());
  CHECK((*reader)->LogHealth().ok());
  CallQuery query;
  query.limit = 100'000;
  return (*reader)->Calls(query)->size();
}

void CheckRebuildGivesTheSame(const std::string& store) {
  const std::string before = DumpIndex(store);
  auto calls = RebuildIndex(store, {}, [](const RebuildProgress&) {});
  INFO(calls.status());
  REQUIRE(calls.ok());
  CHECK(DumpIndex(store) == before);
  CheckVerifies(store);
}

// Opens and closes a recorder that has looked after the house at least once.
void RunHousekeeping(const RecorderOptions& options, FileSystem& files = RealFileSystem()) {
  auto recorder = OpenLogRecorder(options, files);
  REQUIRE(recorder.ok());
  const absl::Time give_up = absl::Now() + absl::Seconds(20);
  while ((*recorder)->Stats().housekeepings == 0) REQUIRE(absl::Now() < give_up);
}

TEST_CASE("retention by size deletes the oldest segments with their keys, and says so in the log") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = kSegmentBytes;
  FillStore(options, 40);
  const size_t before = ListSegments(layout)->size();
  REQUIRE(before > 4);
  options.retention.bytes = 2 * kSegmentBytes;
  options.retention.min_age = absl::ZeroDuration();
  // What is left of a key that was destroyed goes with its segment.
  REQUIRE(ShredSegment(layout, 1, RealFileSystem()).ok());
  RunHousekeeping(options);
  CHECK_FALSE(FileExists(layout.DestroyedDataKey(1)));
  const std::vector<uint64_t> left = *ListSegments(layout);
  CHECK(left.front() > 2);
  CHECK(left.back() >= before);
  for (uint64_t number = 1; number < left.front(); ++number) CHECK_FALSE(FileExists(layout.DataKey(number)));
  for (uint64_t number : left) CHECK(FileExists(layout.DataKey(number)));
  const v1::Tombstone tombstone = *LoadTombstone(layout);
  REQUIRE(tombstone.deleted_size() == 1);
  CHECK(tombstone.deleted(0).first_segment() == 1);
  CHECK(tombstone.deleted(0).last_segment() == left.front() - 1);
  CHECK(tombstone.deleted(0).first_leaf() == 0);
  const size_t calls = CallsIn(directory.store());
  CHECK(calls < 40);
  CHECK(calls > 5);
  CheckRebuildGivesTheSame(directory.store());
  // Again, on what is left: one tombstone says it all.
  options.retention.bytes = 1;
  RunHousekeeping(options);
  CHECK(ListSegments(layout)->size() == 1);
  CHECK(LoadTombstone(layout)->deleted_size() == 1);
  CHECK(CallsIn(directory.store()) == 0);
  FillStore(options, 3);
  CheckRebuildGivesTheSame(directory.store());
}

TEST_CASE("a running recorder's retention leaves what a hold keeps, its key and its calls, until it is released") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = kSegmentBytes;
  std::vector<uint64_t> held_ids;
  {
    auto recorder = Recorder::Open(options);
    REQUIRE(recorder.ok());
    for (int i = 0; i < 40; ++i) {
      const uint64_t id = (*recorder)->NewCallId(absl::Now());
      EntryBatch batch = (*recorder)->NewBatch(id);
      // Two sessions that a hold names, and others.
      const uint64_t session = i == 3 ? 33 : i == 20 ? 44 : 7;
      if (session != 7) held_ids.push_back(id);
      batch.AddStart(absl::Now(), StartOf("/a.B/C", "payments", session));
      batch.AddFrame(absl::Now(), Direction::kRequest, 0, false, {"request bytes"});
      CallEnd end;
      end.request_frames = 1;
      end.request_bytes = 13;
      batch.AddEnd(absl::Now(), end);
      REQUIRE(AppendDurably(**recorder, std::move(batch)).ok());
    }
  }
  auto keys = StoreKeys::Open(layout, std::nullopt);
  REQUIRE(keys.ok());
  LegalHoldList holds;
  for (const uint64_t session : {33, 44}) REQUIRE(holds.Add({0, session, "", "a trial", absl::Now()}).ok());
  REQUIRE(holds.Save(layout, **keys, RealFileSystem()).ok());
  const std::set<uint64_t> held = *HeldSegments(layout, **keys);
  REQUIRE(held.size() >= 2);
  const std::vector<uint64_t> before = *ListSegments(layout);
  REQUIRE(before.size() > held.size() + 2);

  options.retention.age = absl::Nanoseconds(1);
  RunHousekeeping(options);
  for (const uint64_t segment : before) {
    INFO("segment " << segment);
    CHECK(FileExists(layout.Segment(segment)) == held.contains(segment));
    CHECK(FileExists(layout.DataKey(segment)) == held.contains(segment));
  }
  {
    auto reader = RecordReader::Open(directory.store());
    REQUIRE(reader.ok());
    for (const uint64_t id : held_ids) CHECK(EntriesOf(**reader, id).size() == 3);
  }
  CheckRebuildGivesTheSame(directory.store());

  // With the holds damaged nobody knows what is held, and nothing goes.
  const std::string whole = *ReadWholeFile(layout.LegalHolds(), 1 << 20);
  REQUIRE(ReplaceFile(RealFileSystem(), layout.LegalHolds(), "damaged").ok());
  RunHousekeeping(options);
  for (const uint64_t segment : held) CHECK(FileExists(layout.Segment(segment)));
  REQUIRE(ReplaceFile(RealFileSystem(), layout.LegalHolds(), whole).ok());
  REQUIRE(holds.Release(1).ok());
  REQUIRE(holds.Save(layout, **keys, RealFileSystem()).ok());
  RunHousekeeping(options);
  const std::set<uint64_t> still = *HeldSegments(layout, **keys);
  size_t released = 0;
  for (const uint64_t segment : held) {
    CHECK(FileExists(layout.Segment(segment)) == still.contains(segment));
    released += still.contains(segment) ? 0 : 1;
  }
  CHECK(released > 0);
}

TEST_CASE("retention by age deletes what was closed long ago, and nothing else") {
  TemporaryDirectory directory;
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = kSegmentBytes;
  FillStore(options, 20);
  options.retention.age = absl::Hours(1);
  RunHousekeeping(options);
  CHECK(CallsIn(directory.store()) == 20);
  options.retention.age = absl::Nanoseconds(1);
  RunHousekeeping(options);
  CHECK(CallsIn(directory.store()) == 0);
}

TEST_CASE("size alone deletes nothing young: the log grows beyond it, and the recorder says by how much") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = kSegmentBytes;
  FillStore(options, 40);
  const std::vector<uint64_t> before = *ListSegments(layout);
  options.retention.bytes = 2 * kSegmentBytes;
  {
    auto recorder = OpenLogRecorder(options, RealFileSystem());
    REQUIRE(recorder.ok());
    const absl::Time give_up = absl::Now() + absl::Seconds(60);
    while ((*recorder)->Stats().housekeepings == 0) REQUIRE(absl::Now() < give_up);
    CHECK((*recorder)->Stats().retention_exceeded_bytes > kSegmentBytes);
    CHECK(AppendDurably(**recorder, UnaryCall(**recorder, (*recorder)->NewCallId(absl::Now()), absl::Now(), "/a.B/C"))
              .ok());
  }
  CHECK(ListSegments(layout)->front() == before.front());
  CHECK(CallsIn(directory.store()) == 41);
  // What is older than that goes, oldest first, until the size is kept; what is held stays.
  auto keys = StoreKeys::Open(layout, std::nullopt);
  REQUIRE(keys.ok());
  const absl::Time later = absl::Now() + absl::Hours(25);
  const auto due = FindDueSegments(layout, **keys, options.retention, before.back() + 1, {1}, later);
  REQUIRE(due.ok());
  REQUIRE_FALSE(due->segments.empty());
  CHECK(due->segments.front() == 2);
  CHECK(due->segments.size() < before.size());
  CHECK(due->exceeded_bytes == 0);
  // Age alone is not bound to it.
  Retention by_age;
  by_age.age = absl::Nanoseconds(1);
  CHECK(FindDueSegments(layout, **keys, by_age, before.back() + 1, {}, absl::Now())->segments.size() == before.size());
}

TEST_CASE("looking after old segments asks for none of their keys, at the start and later") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  const std::string runs = directory.path() + "/runs";
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = kSegmentBytes;
  // Counts its runs, and keeps nothing secret.
  const std::string turned = "printf '%s\\n' \"$argument\" | tr A-Za-z N-ZA-Mn-za-m";
  options.keys =
      KeySource::Parse(absl::StrCat("exec:read -r operation argument; echo run >> ", runs, "; ", turned)).value();
  const auto count = [&] {
    const auto text = ReadWholeFile(runs, 1 << 20);
    return text.ok() ? std::count(text->begin(), text->end(), '\n') : 0;
  };
  options.retention.age = absl::Hours(1);
  FillStore(options, 5);
  std::ptrdiff_t before = count();
  RunHousekeeping(options);
  const std::ptrdiff_t few = count() - before;
  FillStore(options, 60);
  REQUIRE(ListSegments(layout)->size() >= 8);
  before = count();
  RunHousekeeping(options);
  CHECK(count() - before == few);
}

TEST_CASE("held segments stay, and tombstones join around them") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = kSegmentBytes;
  FillStore(options, 40);
  auto keys = StoreKeys::Open(layout, std::nullopt);
  REQUIRE(keys.ok());
  Retention everything;
  everything.bytes = 0;
  everything.min_age = absl::ZeroDuration();
  const uint64_t current = ListSegments(layout)->back() + 1;
  const auto found = FindDueSegments(layout, **keys, everything, current, {3}, absl::Now());
  REQUIRE(found.ok());
  const std::vector<uint64_t>& due = found->segments;
  CHECK(std::find(due.begin(), due.end(), uint64_t{3}) == due.end());
  CHECK(due.front() == 1);
  CHECK(found->exceeded_bytes == *SegmentReader::Open(layout, **keys, 3)->Size());
  auto tombstone = MakeTombstone(layout, **keys, v1::Tombstone(), due, absl::Now());
  REQUIRE(tombstone.ok());
  REQUIRE(tombstone->deleted_size() == 2);
  CHECK(IsDeleted(*tombstone, 2));
  CHECK_FALSE(IsDeleted(*tombstone, 3));
  CHECK(IsDeleted(*tombstone, 4));
  auto all = MakeTombstone(layout, **keys, *tombstone, {3}, absl::Now());
  REQUIRE(all.ok());
  REQUIRE(all->deleted_size() == 1);
  auto at_once = MakeTombstone(layout, **keys, v1::Tombstone(), *ListSegments(layout), absl::Now());
  REQUIRE(at_once.ok());
  CHECK(at_once->deleted(0).SerializeAsString() == all->deleted(0).SerializeAsString());
}

TEST_CASE("an earlier checkpoint that was put back is grown over segments that were deleted since") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = kSegmentBytes;
  {
    auto recorder = Recorder::Open(options);
    REQUIRE(recorder.ok());
    const uint64_t id = (*recorder)->NewCallId(absl::Now());
    EntryBatch batch = (*recorder)->NewBatch(id);
    batch.AddStart(absl::Now(), StartOf("/a.B/Held", "payments", 33));
    batch.AddEnd(absl::Now(), {});
    REQUIRE(AppendDurably(**recorder, std::move(batch)).ok());
  }
  // Over the first segment and its footer.
  const std::string earlier = *ReadWholeFile(layout.Checkpoint(), 1 << 20);
  FillStore(options, 20);
  {
    auto keys = StoreKeys::Open(layout, std::nullopt);
    REQUIRE(keys.ok());
    LegalHoldList holds;
    REQUIRE(holds.Add({0, 33, "", "a trial", absl::Now()}).ok());
    REQUIRE(holds.Save(layout, **keys, RealFileSystem()).ok());
  }
  options.retention.age = absl::Nanoseconds(1);
  RunHousekeeping(options);
  REQUIRE(FileExists(layout.Segment(1)));
  REQUIRE_FALSE(FileExists(layout.Segment(2)));
  const std::string last = *ReadCheckpoint(layout);
  REQUIRE(ReplaceFile(RealFileSystem(), layout.Checkpoint(), earlier).ok());
  options.retention = {};
  {
    auto recorder = Recorder::Open(options);
    INFO(recorder.status());
    REQUIRE(recorder.ok());
    CHECK((*recorder)->Stats().damages == 0);
  }
  CheckVerifies(directory.store());
  auto keys = StoreKeys::Open(layout, std::nullopt);
  REQUIRE(keys.ok());
  VerifyOptions verify;
  verify.directory = directory.store();
  verify.keys = keys->get();
  verify.against = last;
  CHECK(VerifyStore(verify)->against_holds);
}

TEST_CASE("whichever operation fails while segments are deleted, the next start completes it") {
  std::atomic<int> operations = 0;
  for (int failing = -1; failing < operations; ++failing) {
    INFO("operation " << failing);
    TemporaryDirectory directory;
    const StoreLayout layout(directory.store());
    RecorderOptions options;
    options.directory = directory.store();
    options.segment_bytes = kSegmentBytes;
    FillStore(options, 25);
    options.retention.bytes = 2 * kSegmentBytes;
    options.retention.min_age = absl::ZeroDuration();
    FaultyFiles files;
    std::atomic<int> operation = 0;
    files.SetJudge([&](Operation, const std::string&) {
      const int number = operation++;
      return failing >= 0 && number >= failing ? EIO : 0;
    });
    {
      auto recorder = OpenLogRecorder(options, files);
      const absl::Time give_up = absl::Now() + absl::Seconds(20);
      while (recorder.ok() && (*recorder)->Health().ok() && (*recorder)->Stats().housekeepings == 0) {
        REQUIRE(absl::Now() < give_up);
      }
    }
    if (failing < 0) operations = operation.load();
    RunHousekeeping(options);
    CHECK(ListSegments(layout)->size() <= 5);
    CHECK(ListSegments(layout)->front() > 1);
    for (uint64_t number = 1; number < ListSegments(layout)->front(); ++number) {
      CHECK_FALSE(FileExists(layout.DataKey(number)));
    }
    CHECK(CallsIn(directory.store()) > 0);
    CheckRebuildGivesTheSame(directory.store());
  }
  CHECK(operations > 20);
}

TEST_CASE("calls of a segment whose key was destroyed are listed as shredded, by a running recorder and after it") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = kSegmentBytes;
  const std::vector<uint64_t> ids = FillStore(options, 20);
  REQUIRE(ShredSegment(layout, 1, RealFileSystem()).ok());
  RunHousekeeping(options);
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  auto first = (*reader)->Call(ids.front());
  REQUIRE(first.ok());
  CHECK(first->shredded);
  CHECK(first->method == kShreddedName);
  const absl::Status read = (*reader)->ReadCall(ids.front(), [](const v1::Entry&) { return absl::OkStatus(); });
  INFO(read);
  CHECK(absl::IsFailedPrecondition(read));
  CHECK(std::string(read.message()).find("shredded") != std::string::npos);
  auto last = (*reader)->Call(ids.back());
  REQUIRE(last.ok());
  CHECK_FALSE(last->shredded);
  CHECK(EntriesOf(**reader, ids.back()).size() == 6);
  reader->reset();
  CheckRebuildGivesTheSame(directory.store());
}

TEST_CASE("shredding that was cut off is finished by the next start") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = kSegmentBytes;
  const std::vector<uint64_t> ids = FillStore(options, 20);
  FaultyFiles files;
  files.SetJudge([](Operation operation, const std::string&) { return operation == Operation::kWrite ? EIO : 0; });
  REQUIRE_FALSE(ShredSegment(layout, 1, files).ok());
  REQUIRE_FALSE(FileExists(layout.DataKey(1)));
  REQUIRE(FileExists(layout.DestroyedDataKey(1)));
  RunHousekeeping(options);
  CHECK(FileVersion::Of(layout.DestroyedDataKey(1))->size == 0);
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  CHECK((*reader)->Call(ids.front())->shredded);
  CHECK_FALSE((*reader)->Call(ids.back())->shredded);
  reader->reset();
  CheckRebuildGivesTheSame(directory.store());
}

}  // namespace
}  // namespace sallyport::recorder
