#include "gateway/operations/events/event_log.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/recorder/log_fixture.h"

namespace sallyport::gateway {
namespace {

using recorder::Log;
using recorder::Position;

constexpr uint64_t kSmallSegments = 2000;

// Entries of call `id`, with times that number them.
std::string Numbered(uint64_t id, uint64_t first, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    v1::Entry entry;
    entry.set_call_id(id);
    entry.set_time_ns(first + static_cast<uint64_t>(i));
    entry.mutable_half_close();
    bytes += recorder::Entries({entry.SerializeAsString()});
  }
  return bytes;
}

// What was handed on, as "3" for the entry with that number and "gap 3+2 deleted".
class Notes : public EventLogReader {
 public:
  explicit Notes(size_t most = 1'000'000) : most_(most) {}
  bool OnEntry(const v1::Entry& entry) override {
    seen.push_back(std::to_string(entry.time_ns()));
    return seen.size() < most_;
  }
  bool OnGap(const LogGap& gap) override {
    static constexpr const char* kWhy[] = {"deleted", "shredded", "damaged", "set back"};
    seen.push_back("gap " + std::to_string(gap.first_sequence) + "+" + std::to_string(gap.entries) + " " +
                   kWhy[static_cast<int>(gap.why)]);
    return seen.size() < most_;
  }
  std::vector<std::string> seen;

 private:
  const size_t most_;
};

using Seen = std::vector<std::string>;

// A log whose entries are numbered as their places in it, two to a block.
struct NumberedLog {
  explicit NumberedLog(uint64_t segment_bytes = 1 << 20) : log(directory.store(), segment_bytes) {
    first = log.writer->next_sequence();
  }
  void Append(int blocks = 1) {
    for (int i = 0; i < blocks; ++i) {
      const uint64_t next = log.writer->next_sequence();
      log.Append(7, Numbered(7, next, 2), 2);
    }
  }
  EventLog From(const EventCursor& cursor) { return {recorder::LogPlace(log.layout), log.keys, cursor}; }

  recorder::TemporaryDirectory directory;
  Log log;
  uint64_t first = 0;
};

Seen ReadAll(EventLog& log) {
  Notes notes;
  const absl::StatusOr<bool> nothing_left = log.Read(notes);
  REQUIRE(nothing_left.ok());
  CHECK(*nothing_left);
  return notes.seen;
}

Seen Range(uint64_t first, uint64_t end) {
  Seen seen;
  for (uint64_t i = first; i < end; ++i) seen.push_back(std::to_string(i));
  return seen;
}

}  // namespace

TEST_CASE("events are read as the log grows, each once") {
  NumberedLog numbered;
  EventLog log = numbered.From(EventLog::Oldest());
  CHECK(ReadAll(log).empty());
  numbered.Append(2);
  CHECK(ReadAll(log) == Range(numbered.first, numbered.first + 4));
  CHECK(ReadAll(log).empty());
  numbered.Append();
  CHECK(ReadAll(log) == Range(numbered.first + 4, numbered.first + 6));
}

TEST_CASE("a cursor of a log that has nothing yet misses nothing, and no gap is told of it") {
  NumberedLog numbered;
  EventLog log = numbered.From(EventLog::Oldest());
  CHECK(ReadAll(log).empty());
  numbered.Append();
  EventLog later = numbered.From(log.cursor());
  CHECK(ReadAll(later) == Range(numbered.first, numbered.first + 2));
}

TEST_CASE("who takes one entry at a time may stop behind each and go on from the cursor there") {
  NumberedLog numbered;
  numbered.Append(3);
  EventCursor cursor = EventLog::Oldest();
  Seen seen;
  for (int i = 0; i < 6; ++i) {
    EventLog log = numbered.From(cursor);
    Notes notes(1);
    REQUIRE(log.Read(notes).ok());
    seen.insert(seen.end(), notes.seen.begin(), notes.seen.end());
    cursor = log.cursor();
    // As it is kept in a file.
    REQUIRE(*ParseEventCursor(FormatEventCursor(cursor)) == cursor);
  }
  CHECK(seen == Range(numbered.first, numbered.first + 6));
}

TEST_CASE("a cursor that is put back has the same read again") {
  NumberedLog numbered;
  numbered.Append(2);
  EventLog log = numbered.From(EventLog::Oldest());
  Notes one(1);
  REQUIRE(log.Read(one).ok());
  const EventCursor cursor = log.cursor();
  const Seen rest = Range(numbered.first + 1, numbered.first + 4);
  CHECK(ReadAll(log) == rest);
  log.MoveTo(cursor);
  CHECK(ReadAll(log) == rest);
}

TEST_CASE("the newest cursor sees what comes and nothing that was") {
  NumberedLog numbered(kSmallSegments);
  numbered.Append(20);
  const absl::StatusOr<EventCursor> newest =
      EventLog::Newest(recorder::LogPlace(numbered.log.layout), numbered.log.keys);
  REQUIRE(newest.ok());
  EventLog log = numbered.From(*newest);
  CHECK(ReadAll(log).empty());
  const uint64_t next = numbered.log.writer->next_sequence();
  numbered.Append();
  CHECK(ReadAll(log) == Range(next, next + 2));
}

TEST_CASE("what was deleted meanwhile is told as a gap of so many entries, and the rest is read") {
  NumberedLog numbered(kSmallSegments);
  numbered.Append(2);
  EventLog before = numbered.From(EventLog::Oldest());
  Notes one(1);
  REQUIRE(before.Read(one).ok());
  const EventCursor cursor = before.cursor();
  numbered.Append(40);
  const std::vector<uint64_t> segments = *recorder::ListSegments(recorder::LogPlace(numbered.log.layout));
  REQUIRE(segments.size() > 3);
  std::filesystem::remove(numbered.log.layout.Segment(segments[0]));
  std::filesystem::remove(numbered.log.layout.Segment(segments[1]));
  EventLog log = numbered.From(cursor);
  const Seen seen = ReadAll(log);
  const uint64_t end = numbered.log.writer->next_sequence();
  REQUIRE(!seen.empty());
  const uint64_t lost = end - (numbered.first + 1) - (seen.size() - 1);
  REQUIRE(lost > 4);
  CHECK(seen.front() == "gap " + std::to_string(numbered.first + 1) + "+" + std::to_string(lost) + " deleted");
  CHECK(Seen(seen.begin() + 1, seen.end()) == Range(numbered.first + 1 + lost, end));
}

TEST_CASE("that all was deleted is told once, before anything new comes") {
  NumberedLog numbered(kSmallSegments);
  numbered.Append(40);
  const EventCursor cursor = {Position(recorder::ListSegments(recorder::LogPlace(numbered.log.layout))->front(), 0),
                              numbered.first};
  REQUIRE(numbered.log.writer->BeginNextSegment(absl::UnixEpoch()).ok());
  const std::vector<uint64_t> segments = *recorder::ListSegments(recorder::LogPlace(numbered.log.layout));
  for (const uint64_t segment : segments) {
    if (segment != segments.back()) std::filesystem::remove(numbered.log.layout.Segment(segment));
  }
  const uint64_t next = numbered.log.writer->next_sequence();
  EventLog log = numbered.From(cursor);
  CHECK(ReadAll(log) == Seen{"gap " + std::to_string(numbered.first) + "+80 deleted"});
  CHECK(ReadAll(log).empty());
  numbered.Append();
  EventLog later = numbered.From(log.cursor());
  CHECK(ReadAll(later) == Range(next, next + 2));
  CHECK(ReadAll(log) == Range(next, next + 2));
}

TEST_CASE("what is damaged is told as a gap, and what follows is read") {
  NumberedLog numbered(kSmallSegments);
  numbered.Append(40);
  const std::vector<uint64_t> segments = *recorder::ListSegments(recorder::LogPlace(numbered.log.layout));
  REQUIRE(segments.size() > 2);
  std::string bytes = recorder::ReadFile(numbered.log.layout.Segment(segments[0]));
  bytes[recorder::kSegmentHeaderSize + 3] ^= 1;  // in the header of the first block
  recorder::WriteFile(numbered.log.layout.Segment(segments[0]), bytes);
  EventLog log = numbered.From({Position(segments[0], recorder::kSegmentHeaderSize), numbered.first});
  const Seen seen = ReadAll(log);
  REQUIRE(!seen.empty());
  CHECK(seen.front() == "gap " + std::to_string(numbered.first) + "+2 damaged");
  CHECK(Seen(seen.begin() + 1, seen.end()) == Range(numbered.first + 2, numbered.log.writer->next_sequence()));
}

TEST_CASE("what is shredded is told as a gap") {
  NumberedLog numbered;
  numbered.Append(2);
  numbered.log.keys.Destroy(recorder::ListSegments(recorder::LogPlace(numbered.log.layout))->front());
  EventLog log = numbered.From(EventLog::Oldest());
  CHECK(ReadAll(log) == Seen{"gap " + std::to_string(numbered.first) + "+2 shredded",
                             "gap " + std::to_string(numbered.first + 2) + "+2 shredded"});
}

TEST_CASE("a cursor of a log that had more is told, and all that there is comes") {
  NumberedLog numbered;
  numbered.Append(2);
  EventLog log = numbered.From({Position(900, 0), 1'000'000});
  const Seen seen = ReadAll(log);
  REQUIRE(seen.size() == 5);
  CHECK(seen.front() == "gap " + std::to_string(numbered.first) + "+0 set back");
  CHECK(Seen(seen.begin() + 1, seen.end()) == Range(numbered.first, numbered.first + 4));
}

TEST_CASE("bytes ahead shrink as the log is read") {
  NumberedLog numbered(kSmallSegments);
  numbered.Append(40);
  EventLog log = numbered.From(EventLog::Oldest());
  const uint64_t all = *log.BytesAhead();
  Notes some(40);
  REQUIRE(log.Read(some).ok());
  const uint64_t less = *log.BytesAhead();
  CHECK(less < all);
  CHECK(less > 0);
}

}  // namespace sallyport::gateway
