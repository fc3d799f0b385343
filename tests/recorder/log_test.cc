// Segments: what is written is read, and no changed byte passes.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "absl/time/clock.h"
#include "recorder/log/log_cursor.h"
#include "recorder/log/log_scan.h"
#include "recorder/log/log_writer.h"
#include "recorder/log/segment_reader.h"
#include "tests/recorder/fake_keys.h"
#include "tests/recorder/faulty_files.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

std::string ReadFile(const std::string& path) { return *ReadWholeFile(path, size_t{1} << 30); }

void WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// Whole entries with the given contents.
std::string Entries(std::initializer_list<std::string> contents) {
  std::string bytes;
  for (const std::string& content : contents) {
    bytes.push_back(static_cast<char>(content.size()));
    bytes += content;
  }
  return bytes;
}

struct Log {
  explicit Log(const std::string& path, uint64_t segment_bytes = 1 << 20, uint64_t most_bytes = 1 << 30)
      : layout(path) {
    for (const std::string& path : {layout.directory(), layout.LogDirectory(), layout.TreeDirectory()}) {
      REQUIRE(RealFileSystem().EnsureDirectory(path).ok());
    }
    LogWriter::Options options;
    options.segment_bytes = segment_bytes;
    options.most_segment_bytes = most_bytes;
    options.space_ahead = 1000;
    writer = std::make_unique<LogWriter>(layout, options, RealFileSystem(), keys, LogWriter::Start());
    REQUIRE(writer->Open(absl::UnixEpoch()).ok());
  }
  Position Append(uint64_t call, const std::string& entries, uint32_t count, bool ends = false) {
    const std::vector<CallEntries> group = {{call, entries, count, ends}};
    auto block = writer->Append(group, absl::UnixEpoch());
    REQUIRE(block.ok());
    return block->position;
  }

  StoreLayout layout;
  FakeKeys keys;
  std::unique_ptr<LogWriter> writer;
};

// The bodies of all blocks, and what the walk says besides.
std::pair<std::vector<std::string>, LogEnd> Bodies(Log& log, OnDamage on_damage) {
  std::vector<std::string> bodies;
  auto end = ScanEntries(log.layout, log.keys, Position(), on_damage, [&](const Block& block) {
    bodies.push_back(block.body);
    return absl::OkStatus();
  });
  REQUIRE(end.ok());
  return {bodies, *end};
}

TEST_CASE("blocks are read as they were written, over several segments") {
  TemporaryDirectory directory;
  Log log(directory.store(), 300);
  std::vector<std::string> written;
  for (int i = 0; i < 20; ++i) {
    written.push_back(Entries({"one" + std::to_string(i), "two"}));
    log.Append(static_cast<uint64_t>(i % 3), written.back(), 2);
  }
  REQUIRE(log.writer->Close(absl::UnixEpoch()).ok());
  const auto [bodies, end] = Bodies(log, OnDamage::kStop);
  CHECK(bodies == written);
  CHECK(end.damage.ok());
  CHECK(end.torn.ok());
  CHECK(end.next_sequence == 41);
  const auto segments = ListSegments(log.layout);
  REQUIRE(segments.ok());
  CHECK(segments->size() > 3);
  for (uint64_t number : *segments) CHECK(SegmentReader::Open(log.layout, log.keys, number)->ReadFooter().ok());
}

TEST_CASE("a block's directory names the block before with entries of the same call") {
  TemporaryDirectory directory;
  Log log(directory.store(), 150);
  const Position first = log.Append(5, Entries({"a"}), 1);
  log.Append(6, Entries({"b"}), 1);
  const Position third = log.Append(5, Entries({"c"}), 1, /*ends=*/true);
  const Position fourth = log.Append(5, Entries({"d"}), 1);
  CHECK(third.segment() > first.segment());
  const auto previous = [&](Position at) {
    return SegmentReader::Open(log.layout, log.keys, at.segment())
        ->ReadDirectory(at.offset())
        ->directory.front()
        .previous;
  };
  CHECK(previous(first) == Position());
  CHECK(previous(third) == first);
  CHECK(previous(fourth) == Position());
}

TEST_CASE("no byte of a segment can be changed unnoticed") {
  TemporaryDirectory directory;
  Log log(directory.store());
  log.Append(1, Entries({"first", "second"}), 2);
  log.Append(2, Entries({"third"}), 1);
  log.Append(1, Entries({"fourth"}), 1, true);
  REQUIRE(log.writer->Close(absl::UnixEpoch()).ok());
  const std::string path = log.layout.Segment(1);
  const std::string good = ReadFile(path);
  const auto [all, good_end] = Bodies(log, OnDamage::kSkip);
  REQUIRE(all.size() == 3);
  for (size_t at = 0; at < good.size(); ++at) {
    for (int flip : {0x01, 0x80, 0xFF}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      WriteFile(path, bad);
      const auto [bodies, end] = Bodies(log, OnDamage::kSkip);
      INFO("byte " << at << " flipped by " << flip);
      CHECK_FALSE((end.damage.ok() && end.torn.ok()));
      // Whatever else is handed out is as it was.
      for (const std::string& body : bodies) CHECK(std::find(all.begin(), all.end(), body) != all.end());
      if (at >= kSegmentHeaderSize) CHECK(bodies.size() >= 2);
    }
  }
}

TEST_CASE("a log cut anywhere yields its whole blocks, and says whether something is torn") {
  TemporaryDirectory directory;
  Log log(directory.store());
  std::vector<uint64_t> ends = {kSegmentHeaderSize};
  for (int i = 0; i < 4; ++i) {
    log.Append(1, Entries({std::string(static_cast<size_t>(i) * 7 + 1, 'e')}), 1);
    ends.push_back(log.writer->end().offset());
  }
  const std::string path = log.layout.Segment(1);
  const std::string good = ReadFile(path);
  for (size_t size = kSegmentHeaderSize; size <= good.size(); ++size) {
    WriteFile(path, std::string_view(good).substr(0, size));
    const auto [bodies, end] = Bodies(log, OnDamage::kStop);
    const auto whole = std::upper_bound(ends.begin(), ends.end(), size) - ends.begin();
    INFO("cut to " << size);
    CHECK(static_cast<ptrdiff_t>(bodies.size()) == whole - 1);
    CHECK(end.damage.ok());
    CHECK(end.torn.ok() == (std::find(ends.begin(), ends.end(), size) != ends.end()));
    CHECK(end.end.offset() == ends[static_cast<size_t>(whole) - 1]);
  }
}

TEST_CASE("what was sealed for one store, segment or key does not open as another's") {
  TemporaryDirectory directory;
  Log log(directory.store());
  const Position at = log.Append(1, Entries({"first", "second"}), 2);
  SegmentHeader header = SegmentReader::Open(log.layout, log.keys, 1)->header();
  const DataKey key = *log.keys.OpenDataKey(1);
  const std::string bytes = ReadFile(log.layout.Segment(1));
  char block[kBlockHeaderSize];
  std::copy_n(bytes.data() + at.offset(), kBlockHeaderSize, block);
  const BlockHeader good = *BlockHeader::Decode(block);
  const std::string payload = bytes.substr(at.offset() + kBlockHeaderSize, good.payload_size());
  const auto open = [&](const StoreId& store, const KeyId& id, const SecretKey& with, const BlockHeader& as) {
    return BlockOpener(store, id, &with).Open(as, payload).status();
  };
  CHECK(open(header.store_id, header.key_id, key.key, good).ok());
  StoreId other_store = header.store_id;
  other_store[3] ^= 1;
  CHECK(absl::IsDataLoss(open(other_store, header.key_id, key.key, good)));
  KeyId other_id = header.key_id;
  other_id[15] ^= 1;
  CHECK(absl::IsDataLoss(open(header.store_id, other_id, key.key, good)));
  CHECK(absl::IsDataLoss(open(header.store_id, header.key_id, log.keys.OpenDataKey(2)->key, good)));
  BlockHeader elsewhere = good;
  elsewhere.position = Position(2, at.offset());
  CHECK(absl::IsDataLoss(open(header.store_id, header.key_id, key.key, elsewhere)));
  elsewhere = good;
  elsewhere.leaf_index += 1;
  CHECK(absl::IsDataLoss(open(header.store_id, header.key_id, key.key, elsewhere)));
  elsewhere = good;
  elsewhere.entries_root[0] ^= 1;
  CHECK(absl::IsDataLoss(open(header.store_id, header.key_id, key.key, elsewhere)));
}

TEST_CASE("without its data key a block's directory is read and its entries are not") {
  TemporaryDirectory directory;
  Log log(directory.store());
  log.Append(7, Entries({"secret"}), 1);
  log.keys.Destroy(1);
  size_t blocks = 0;
  auto end = ScanEntries(log.layout, log.keys, Position(), OnDamage::kStop, [&](const Block& block) {
    ++blocks;
    CHECK(block.shredded);
    CHECK(block.body.empty());
    CHECK(block.directory.at(0).call_id == 7);
    return absl::OkStatus();
  });
  REQUIRE(end.ok());
  CHECK(end->damage.ok());
  CHECK(blocks == 1);
}

TEST_CASE("a body that compression makes smaller is read back as it was") {
  TemporaryDirectory directory;
  Log log(directory.store());
  std::string long_entry = "\xd0\x0f" + std::string(2000, 'z');
  log.Append(1, long_entry, 1);
  const auto [bodies, end] = Bodies(log, OnDamage::kStop);
  CHECK(bodies == std::vector<std::string>{long_entry});
  CHECK(log.writer->end().offset() < 600);
}

TEST_CASE("space that cannot be had is told, and what was taken before can still be written") {
  TemporaryDirectory directory;
  FaultyFiles files;
  FakeKeys keys;
  const StoreLayout layout(directory.store());
  for (const std::string& path : {layout.directory(), layout.LogDirectory(), layout.TreeDirectory()}) {
    REQUIRE(files.EnsureDirectory(path).ok());
  }
  LogWriter::Options options;
  options.segment_bytes = 1000;
  options.space_ahead = 4000;
  LogWriter writer(layout, options, files, keys, LogWriter::Start());
  REQUIRE(writer.Open(absl::UnixEpoch()).ok());
  files.SetJudge(
      [](Operation operation, const std::string&) { return operation == Operation::kAllocate ? ENOSPC : 0; });
  CHECK(absl::IsResourceExhausted(writer.Reserve(100'000)));
  CHECK(writer.Reserve(2000).ok());
  // The segment is full by its size, but there is no space for another: it goes on.
  const std::string entry = Entries({std::string(100, 'e')});
  const std::vector<CallEntries> group = {{1, entry, 1, false}};
  for (int i = 0; i < 10; ++i) REQUIRE(writer.Append(group, absl::UnixEpoch()).ok());
  CHECK(writer.end().segment() == 1);
  CHECK(writer.end().offset() > 1000);
  files.SetJudge(nullptr);
  REQUIRE(writer.Append(group, absl::UnixEpoch()).ok());
  CHECK(writer.end().segment() == 2);
  REQUIRE(writer.Close(absl::UnixEpoch()).ok());
}

TEST_CASE("once a segment could not be ended or begun for want of space, nothing is written any more") {
  // Space is taken ahead, but not every file system keeps what it promised.
  for (int failing = 0;; ++failing) {
    INFO("operation " << failing);
    TemporaryDirectory directory;
    Log log(directory.store());
    FaultyFiles files;
    LogWriter::Options options;
    options.segment_bytes = 300;
    options.space_ahead = 1000;
    LogWriter writer(log.layout, options, files, log.keys, {2, 1, {}, {}});
    REQUIRE(writer.Open(absl::UnixEpoch()).ok());
    const std::string entries = Entries({std::string(100, 'x')});
    const std::vector<CallEntries> group = {{1, entries, 1, false}};
    REQUIRE(writer.Append(group, absl::UnixEpoch()).ok());
    int operation = 0;
    bool prepared = false;
    files.SetJudge([&](Operation kind, const std::string&) {
      if (operation++ != failing) return 0;
      prepared = kind == Operation::kCreate || kind == Operation::kAllocate || kind == Operation::kRemove;
      return ENOSPC;
    });
    const auto appended = writer.Append(group, absl::UnixEpoch());
    if (operation <= failing) break;
    // Before anything was done to it the present segment goes on; afterwards there is no telling what is on disk.
    CHECK(appended.ok() == prepared);
    if (appended.ok()) CHECK(appended->position.segment() == 2);
  }
}

TEST_CASE("a write that the system cuts short is an error, and what came through of it is no more than a beginning") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  std::string bytes(10'000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i % 251);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // pwrite takes what fits below the limit, and only then says that no more does.
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {7'000, 7'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(1);
    const auto file = RealFileSystem().Create(path);
    if (!file.ok()) _exit(2);
    if ((*file)->Write(0, bytes).ok()) _exit(3);
    _exit(absl::IsResourceExhausted((*file)->Allocate(0, 8'000)) ? 0 : 4);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(ReadFile(path) == bytes.substr(0, 7'000));
}

TEST_CASE("while no data key can be made the segment goes on, and the next is begun once one can") {
  TemporaryDirectory directory;
  Log log(directory.store(), 300, 5000);
  const auto append = [&](absl::Time now) {
    const std::string entries = Entries({std::string(100, 'x')});
    const std::vector<CallEntries> group = {{1, entries, 1, false}};
    return log.writer->Append(group, now);
  };
  const absl::Time start = absl::UnixEpoch();
  log.keys.PutOutOfReach(true);
  for (int i = 0; i < 10; ++i) REQUIRE(append(start)->position.segment() == 1);
  CHECK(absl::IsUnavailable(log.writer->next_segment()));
  // It is not asked with each block: a key command may take half a minute to fail.
  CHECK(log.keys.asked() == 2);
  REQUIRE(append(start + absl::Seconds(59)).ok());
  CHECK(log.keys.asked() == 2);
  REQUIRE(append(start + absl::Seconds(60)).ok());
  CHECK(log.keys.asked() == 3);
  SECTION("it comes back") {
    log.keys.PutOutOfReach(false);
    REQUIRE(append(start + absl::Seconds(61))->position.segment() == 1);
    REQUIRE(append(start + absl::Seconds(120))->position.segment() == 2);
    CHECK(log.writer->next_segment().ok());
    CHECK(Bodies(log, OnDamage::kStop).first.size() == 14);
  }
  SECTION("it comes back, and a new segment is asked for") {
    log.keys.PutOutOfReach(false);
    REQUIRE(log.writer->BeginNextSegment(start + absl::Seconds(61)).ok());
    CHECK(log.writer->next_segment().ok());
    CHECK(append(start + absl::Seconds(61))->position.segment() == 2);
  }
  SECTION("it never does: the segment does not grow for ever") {
    absl::Status status;
    int blocks = 0;
    for (; status.ok() && blocks < 100; ++blocks) status = append(start + absl::Seconds(61)).status();
    CHECK(absl::IsUnavailable(status));
    CHECK(blocks < 20);
    INFO(status);
    CHECK(std::string(status.message()).find("segment 1 is as large as one can be") != std::string::npos);
    CHECK(std::string(status.message()).find("the keyring is away") != std::string::npos);
    // What is in it stays readable, and it can be ended.
    CHECK(log.writer->Close(start).ok());
    CHECK(Bodies(log, OnDamage::kStop).first.size() == static_cast<size_t>(12 + blocks - 1));
  }
}

TEST_CASE("a valid block moved to another place is not accepted there") {
  TemporaryDirectory directory;
  Log log(directory.store());
  const Position first = log.Append(1, Entries({"same size 1"}), 1);
  const Position second = log.Append(1, Entries({"same size 2"}), 1);
  log.Append(1, Entries({"same size 3"}), 1);
  const std::string path = log.layout.Segment(1);
  std::string bytes = ReadFile(path);
  const size_t size = second.offset() - first.offset();
  bytes.replace(first.offset(), size, bytes.substr(second.offset(), size));
  WriteFile(path, bytes);
  const auto [bodies, end] = Bodies(log, OnDamage::kSkip);
  CHECK(bodies.size() == 2);
  CHECK(absl::IsDataLoss(end.damage));
  CHECK(std::string(end.damage.message()).find("offset " + std::to_string(first.offset())) != std::string::npos);
}

TEST_CASE("a missing segment is named") {
  TemporaryDirectory directory;
  Log log(directory.store(), 100);
  for (int i = 0; i < 5; ++i) log.Append(1, Entries({"entry"}), 1);
  REQUIRE(unlink(log.layout.Segment(3).c_str()) == 0);
  const auto [bodies, end] = Bodies(log, OnDamage::kSkip);
  CHECK(bodies.size() == 4);
  CHECK(std::string(end.damage.message()).find("segment 3 is missing") != std::string::npos);
}

TEST_CASE("a cursor hands out each block once while the log grows") {
  TemporaryDirectory directory;
  Log log(directory.store(), 300);
  LogCursor cursor(log.layout, log.keys, Position(1, 0));
  std::vector<std::string> seen;
  for (int i = 0; i < 30; ++i) {
    CHECK_FALSE(cursor.Next()->has_value());
    log.Append(1, Entries({"entry" + std::to_string(i)}), 1);
    auto block = cursor.Next();
    REQUIRE(block.ok());
    REQUIRE(block->has_value());
    CHECK((*block)->body == Entries({"entry" + std::to_string(i)}));
  }
}

TEST_CASE("random damage never brings a reader down, nor makes it hand out what was not written") {
  TemporaryDirectory directory;
  Log log(directory.store(), 300);
  for (int i = 0; i < 12; ++i) log.Append(static_cast<uint64_t>(i % 2), Entries({"entry" + std::to_string(i)}), 1);
  const auto [all, whole] = Bodies(log, OnDamage::kSkip);
  std::vector<std::string> good;
  for (uint64_t number = 1; number <= 3; ++number) good.push_back(ReadFile(log.layout.Segment(number)));
  std::mt19937 random(4711);
  for (int round = 0; round < 2000; ++round) {
    const size_t number = 1 + random() % 3;
    std::string bad = good[number - 1];
    for (uint32_t i = 1 + random() % 4; i > 0; --i) {
      const size_t at = random() % bad.size();
      switch (random() % 4) {
        case 0:
          bad[at] = static_cast<char>(random());
          break;
        case 1:
          bad.resize(at + 1);
          break;
        case 2:
          bad.insert(at, bad.substr(random() % bad.size(), random() % 100));
          break;
        case 3:
          bad.erase(at, random() % 50);
          if (bad.empty()) bad = "x";
          break;
      }
    }
    WriteFile(log.layout.Segment(number), bad);
    const auto [bodies, end] = Bodies(log, OnDamage::kSkip);
    for (const std::string& body : bodies) REQUIRE(std::find(all.begin(), all.end(), body) != all.end());
    LogCursor cursor(log.layout, log.keys, Position(1, 0));
    for (int i = 0; i < 20; ++i) {
      auto block = cursor.Next();
      if (!block.ok() || !block->has_value()) break;
    }
    WriteFile(log.layout.Segment(number), good[number - 1]);
  }
}

}  // namespace
}  // namespace sallyport::recorder
