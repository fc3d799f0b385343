// As forged_statements_test.cc: every field of every header, table and directory says something else.
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "tests/recorder/verify/forging.h"

namespace sallyport::recorder {
namespace {

TEST_CASE("every field of a segment's header") {
  struct {
    const char* what;
    Who who;
    std::function<void(SegmentHeader&)> lie;
  } const cases[] = {
      {"format", Who::kAnybody, [](auto& header) { header.format = 2; }},
      {"store", Who::kAnybody, [](auto& header) { header.store_id.fill('z'); }},
      {"number", Who::kAnybody, [](auto& header) { header.number = 7; }},
      {"time", Who::kNobody, [](auto& header) { header.created_ns += 1; }},
      {"first sequence, larger", Who::kAnybody, [](auto& header) { header.first_sequence += 1; }},
      {"first sequence, smaller", Who::kAnybody, [](auto& header) { header.first_sequence -= 1; }},
      {"leaf, larger", Who::kAnybody, [](auto& header) { header.leaf_index += 1; }},
      {"leaf, smaller", Who::kAnybody, [](auto& header) { header.leaf_index -= 1; }},
      {"key", Who::kKeyHolder, [](auto& header) { header.key_id.fill('k'); }},
      {"root", Who::kAnybody, [](auto& header) { header.tree_root = Sha256({"another"}); }},
  };
  for (const auto& each : cases) {
    Forge(each.what, each.who, [&](ForgedStore::Lies& lies) { lies.segment_header = each.lie; });
  }
}

TEST_CASE("every field of a block's header") {
  struct {
    const char* what;
    Who who;
    std::function<void(BlockHeader&)> lie;
  } const cases[] = {
      {"type", Who::kAnybody, [](auto& header) { header.type = BlockType::kTombstone; }},
      {"codec", Who::kAnybody,
       [](auto& header) { header.codec = header.codec == Codec::kPlain ? Codec::kZstd : Codec::kPlain; }},
      {"seal", Who::kAnybody, [](auto& header) { header.seal = Seal::kNone; }},
      {"segment", Who::kAnybody,
       [](auto& header) {
         header.position = {3, header.position.offset()};
       }},
      {"offset", Who::kAnybody,
       [](auto& header) {
         header.position = {2, header.position.offset() + 1};
       }},
      {"first sequence, larger", Who::kAnybody, [](auto& header) { header.first_sequence += 1; }},
      {"first sequence, smaller", Who::kAnybody, [](auto& header) { header.first_sequence -= 1; }},
      {"entries, more", Who::kAnybody, [](auto& header) { header.entries += 1; }},
      {"entries, fewer", Who::kAnybody, [](auto& header) { header.entries -= 1; }},
      {"calls, more", Who::kAnybody, [](auto& header) { header.calls += 1; }},
      {"calls, fewer", Who::kAnybody, [](auto& header) { header.calls -= 1; }},
      {"stored length, longer", Who::kAnybody, [](auto& header) { header.stored_length += 1; }},
      {"stored length, shorter", Who::kAnybody, [](auto& header) { header.stored_length -= 1; }},
      {"plain length, longer", Who::kKeyHolder, [](auto& header) { header.plain_length += 1; }},
      {"plain length, with no room for the entries", Who::kAnybody, [](auto& header) { header.plain_length = 20; }},
      {"plain length, no longer than compressed", Who::kAnybody,
       [](auto& header) { header.plain_length = header.stored_length - Aes256Gcm::kTagSize; }},
      {"plain length, longer than any", Who::kAnybody, [](auto& header) { header.plain_length = kMaxBodySize + 1; }},
      {"leaf, larger", Who::kAnybody, [](auto& header) { header.leaf_index += 1; }},
      {"leaf, smaller", Who::kAnybody, [](auto& header) { header.leaf_index -= 1; }},
      {"entries' root", Who::kKeyHolder, [](auto& header) { header.entries_root = Sha256({"another"}); }},
      {"parts", Who::kAnybody, [](auto& header) { header.parts_length = 40; }},
  };
  for (const auto& each : cases) {
    Forge(each.what, each.who, [&](ForgedStore::Lies& lies) { lies.block_header = each.lie; });
  }
}

TEST_CASE("every field of a table of parts") {
  struct {
    const char* what;
    std::function<void(PartLine&)> lie;
  } const cases[] = {
      {"longer", [](auto& part) { part.length += 1; }},
      {"longer than its block", [](auto& part) { part.length += 1 << 20; }},
      {"shorter", [](auto& part) { part.length -= 1; }},
      {"another hash", [](auto& part) { part.hash = Sha256({"another"}); }},
  };
  for (const auto& each : cases) {
    Store store;
    store.log.SetSmallestPart(1);
    store.log.BeginSegment();
    store.log.AddEntries(WholeCall(11));
    store.log.Write(store.directory.store());
    CheckNoticed("nothing", store, Who::kNobody);
    store.log.lies.part = each.lie;
    store.log.AddEntries(WholeCall(12));
    store.log.lies = {};
    store.log.AddEntries(WholeCall(13));
    store.log.Write(store.directory.store());
    CheckNoticed(each.what, store, Who::kAnybody);
  }
}

TEST_CASE("every field of a footer") {
  struct {
    const char* what;
    Who who;
    std::function<void(SegmentFooter&)> lie;
  } const cases[] = {
      {"entries, more", Who::kAnybody, [](auto& footer) { footer.entries += 1; }},
      {"entries, fewer", Who::kAnybody, [](auto& footer) { footer.entries -= 1; }},
      {"size, larger", Who::kAnybody, [](auto& footer) { footer.size += 1; }},
      {"size, smaller", Who::kAnybody, [](auto& footer) { footer.size -= 1; }},
      {"time", Who::kNobody, [](auto& footer) { footer.closed_ns += 1; }},
  };
  for (const auto& each : cases) {
    Forge(each.what, each.who, [&](ForgedStore::Lies& lies) { lies.footer = each.lie; });
  }
}

TEST_CASE("everything that a directory says") {
  using Lines = std::vector<DirectoryEntry>;
  // It names call 13, which is whole here, and call 12, which goes on.
  struct {
    const char* what;
    Who who;
    std::function<void(Lines&)> lie;
  } const cases[] = {
      {"another call", Who::kKeyHolder, [](Lines& lines) { lines[0].call_id = 99; }},
      {"a call twice", Who::kAnybody, [](Lines& lines) { lines[0].call_id = lines[1].call_id; }},
      {"no block before", Who::kAnybody, [](Lines& lines) { lines[1].previous = Position(); }},
      {"a block before that is another call's", Who::kAnybody,
       [](Lines& lines) {
         lines[1].previous = {1, kSegmentHeaderSize};
       }},
      {"a block before where there was none", Who::kAnybody,
       [](Lines& lines) {
         lines[0].previous = {1, kSegmentHeaderSize};
       }},
      {"a block before in a segment that is not there", Who::kAnybody,
       [](Lines& lines) {
         lines[0].previous = {0, kSegmentHeaderSize};
       }},
      {"a later block before", Who::kAnybody,
       [](Lines& lines) {
         lines[1].previous = {3, kSegmentHeaderSize};
       }},
      {"more entries", Who::kAnybody, [](Lines& lines) { lines[0].entries += 1; }},
      {"fewer entries", Who::kAnybody, [](Lines& lines) { lines[0].entries -= 1; }},
      {"one call's entries as another's", Who::kKeyHolder,
       [](Lines& lines) {
         lines[0].entries -= 1;
         lines[1].entries += 1;
       }},
      {"all of one call's entries as another's", Who::kAnybody,
       [](Lines& lines) {
         lines[0].entries += lines[1].entries;
         lines[1].entries = 0;
       }},
      {"an end that is not there", Who::kKeyHolder, [](Lines& lines) { lines[1].ends = true; }},
      {"no end where one is", Who::kKeyHolder, [](Lines& lines) { lines[0].ends = false; }},
  };
  for (const auto& each : cases) {
    Forge(each.what, each.who, [&](ForgedStore::Lies& lies) { lies.directory = each.lie; });
  }
}

}  // namespace
}  // namespace sallyport::recorder
