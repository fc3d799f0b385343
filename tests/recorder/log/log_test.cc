// Segments: what is written is read, and no changed byte passes.
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "absl/time/clock.h"
#include "recorder/format/wire_encoding.h"
#include "recorder/log/log_cursor.h"
#include "recorder/log/segment_reader.h"
#include "tests/recorder/log_fixture.h"

namespace sallyport::recorder {
namespace {

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

TEST_CASE("a call that has entries in a block more than once is named once, with all of them") {
  TemporaryDirectory directory;
  Log log(directory.store());
  log.Append(5, Entries({"before"}), 1);
  const std::string one = Entries({"a"});
  const std::string two = Entries({"b", "c"});
  const std::vector<CallEntries> group = {
      {5, one, 1, false}, {6, one, 1, false}, {5, two, 2, true}, {6, one, 1, false}, {5, one, 1, false}};
  const auto block = log.writer->Append(group, absl::UnixEpoch());
  REQUIRE(block.ok());
  const auto read = SegmentReader::Open(log.layout, log.keys, 1)->ReadDirectory(block->position.offset());
  REQUIRE(read.ok());
  REQUIRE(read->directory.size() == 2);
  CHECK(read->directory[0].call_id == 5);
  CHECK(read->directory[0].previous.set());
  CHECK(read->directory[0].entries == 4);
  CHECK(read->directory[0].ends);
  CHECK(read->directory[1].call_id == 6);
  CHECK(read->directory[1].entries == 2);
  CHECK_FALSE(read->directory[1].ends);
}

TEST_CASE("a segment under another number, or of another store, is damage") {
  TemporaryDirectory directory;
  Log log(directory.store(), 150);
  for (int i = 0; i < 4; ++i) log.Append(5, Entries({"entry"}), 1);
  REQUIRE(ListSegments(log.layout)->size() >= 3);
  const std::string first = ReadFile(log.layout.Segment(1));
  const std::string second = ReadFile(log.layout.Segment(2));
  const auto open = [&](uint64_t number) { return SegmentReader::Open(log.layout, log.keys, number).status(); };
  REQUIRE(open(1).ok());
  WriteFile(log.layout.Segment(1), second);
  CHECK(absl::IsDataLoss(open(1)));
  WriteFile(log.layout.Segment(2), first);
  CHECK(absl::IsDataLoss(open(2)));
  char bytes[kSegmentHeaderSize];
  std::copy_n(first.begin(), sizeof(bytes), bytes);
  SegmentHeader header = *SegmentHeader::Decode(bytes);
  header.store_id[3] = static_cast<char>(header.store_id[3] ^ 1);
  header.Encode(bytes);
  WriteFile(log.layout.Segment(1), std::string(bytes, sizeof(bytes)) + first.substr(sizeof(bytes)));
  CHECK(absl::IsDataLoss(open(1)));
  WriteFile(log.layout.Segment(1), first);
  CHECK(open(1).ok());
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

TEST_CASE("behind damage the next block is found wherever it begins, also across the border of what is read at once") {
  constexpr uint64_t kAtOnce = uint64_t{1} << 20;
  // An entry of random bytes, which do not compress.
  const auto entry_of = [](size_t size) {
    std::mt19937 random(7);
    char length[kMaxVarintSize];
    std::string entry(length, PutVarint(length, size));
    while (entry.size() < size + 3) entry += static_cast<char>(random());
    return entry;
  };
  const auto block_size = [&](size_t payload) {
    TemporaryDirectory directory;
    Log log(directory.store(), 1 << 30);
    const Position first = log.Append(1, entry_of(payload), 1);
    return log.Append(2, Entries({"next"}), 1).offset() - first.offset();
  };
  const uint64_t around = block_size(100'000) - 100'000;
  for (const uint64_t border : {kAtOnce, 2 * kAtOnce - 3}) {
    for (uint64_t before = 0; before <= 6; ++before) {
      INFO("the next block begins " << before << " bytes before byte " << border);
      TemporaryDirectory directory;
      Log log(directory.store(), 1 << 30);
      // Looked for from its second byte on.
      const Position damaged = log.Append(1, entry_of(border - before + 1 - around), 1);
      const Position next = log.Append(2, Entries({"next"}), 1);
      REQUIRE(next.offset() == damaged.offset() + 1 + border - before);
      const auto found = SegmentReader::Open(log.layout, log.keys, 1)->FindBlock(damaged.offset() + 1);
      REQUIRE(found.ok());
      CHECK(*found == next.offset());
    }
  }
}

TEST_CASE("random damage brings no reader down, makes it hand out nothing else, and costs it what is damaged alone") {
  TemporaryDirectory directory;
  Log log(directory.store(), 300);
  for (int i = 0; i < 12; ++i) log.Append(static_cast<uint64_t>(i % 2), Entries({"entry" + std::to_string(i)}), 1);
  const auto [all, whole] = Bodies(log, OnDamage::kSkip);
  // Those of each segment, which damage to another one does not touch.
  std::map<uint64_t, std::vector<std::string>> by_segment;
  const auto read = ScanEntries(log.layout, log.keys, Position(), OnDamage::kSkip, [&](const Block& block) {
    by_segment[block.position().segment()].push_back(block.body);
    return absl::OkStatus();
  });
  REQUIRE(read.ok());
  REQUIRE(by_segment.size() >= 3);
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
    for (const auto& [segment, undamaged] : by_segment) {
      if (segment == number) continue;
      for (const std::string& body : undamaged) REQUIRE(std::find(bodies.begin(), bodies.end(), body) != bodies.end());
    }
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
