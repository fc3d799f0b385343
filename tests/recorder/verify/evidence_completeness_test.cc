// Evidence that leaves something out proves nothing.
#include <catch2/catch.hpp>
#include <functional>

#include "recorder/evidence/evidence.h"
#include "recorder/format/checkpoint.h"
#include "recorder/format/store_layout.h"
#include "recorder/log/segment_reader.h"
#include "recorder/verify/evidence_check.h"
#include "recorder/verify/verifier.h"
#include "tests/recorder/forged_store.h"
#include "tests/recorder/verify/evidence_fixture.h"
#include "tests/recorder/verify/verifier_fixture.h"

namespace sallyport::recorder {
namespace {

v1::Entry DecisionEntry(uint64_t call, v1::Decision::Outcome outcome) {
  v1::Entry entry = StartEntry(call);
  entry.mutable_decision()->set_outcome(outcome);
  return entry;
}

v1::Entry UnknownEntry(uint64_t call) {
  v1::Entry entry = StartEntry(call);
  entry.clear_start();
  entry.GetReflection()->MutableUnknownFields(&entry)->AddLengthDelimited(15, "of a later version");
  return entry;
}

// Call 12 is in two blocks of two segments, 13 is open, 14 was denied; 11 and 15 are whole.
struct Log : EvidenceStore {
  explicit Log(uint16_t first_format = kFormatVersion, size_t smallest_part = SIZE_MAX) {
    log.SetFormat(first_format);
    log.SetSmallestPart(smallest_part);
    log.BeginSegment();
    std::vector<v1::Entry> first = WholeCall(11, "canary-of-a-neighbour");
    first.push_back(StartEntry(12));
    first.push_back(FrameEntry(12, v1::DIRECTION_REQUEST, 0, "mine"));
    Add(first);
    log.CloseSegment();
    log.SetFormat(kFormatVersion);
    log.BeginSegment();
    std::vector<v1::Entry> second = {FrameEntry(12, v1::DIRECTION_RESPONSE, 0, "too"), StartEntry(13)};
    second.push_back(EndEntry(12, 1, 1, 4, 3));
    second.back().mutable_end()->set_entries(4);
    Add(second);
    Add({StartEntry(14), DecisionEntry(14, v1::Decision::OUTCOME_DENIED), EndEntry(14, 0, 0, 0, 0)});
    Add(WholeCall(15, "canary-of-a-neighbour"));
    Write();
  }
};

TEST_CASE("with any entry of a call left out, nothing is proved") {
  Log store;
  const std::vector<std::pair<uint64_t, std::vector<size_t>>> calls = {
      {11, {0}}, {12, {0, 1}}, {13, {1}}, {14, {2}}, {15, {3}}};
  for (const auto& [id, in] : calls) {
    const v1::Evidence good = store.Call(id, in);
    CHECK(store.Proven(good).complete);
    CHECK(store.Proven(good).ended == (id != 13));
    for (int b = 0; b < good.call().blocks_size(); ++b) {
      for (int e = 0; e < good.call().blocks(b).entries_size(); ++e) {
        INFO("call " << id << ", block " << b << ", entry " << e);
        v1::Evidence bad = good;
        v1::ProvenBlock& block = *bad.mutable_call()->mutable_blocks(b);
        block.mutable_entries()->DeleteSubrange(e, 1);
        CHECK_FALSE(store.Check(bad).ok());
        // Nor without the block, where it held nothing else.
        if (block.entries_size() == 0) bad.mutable_call()->mutable_blocks()->DeleteSubrange(b, 1);
        CHECK_FALSE(store.Check(bad).ok());
        bad = good;
        *bad.mutable_call()->mutable_blocks(b)->add_entries() = good.call().blocks(b).entries(e);
        CHECK_FALSE(store.Check(bad).ok());
        if (e == 0) continue;
        bad = good;
        bad.mutable_call()->mutable_blocks(b)->mutable_entries()->SwapElements(e - 1, e);
        CHECK_FALSE(store.Check(bad).ok());
      }
    }
  }
  v1::Evidence bad = store.Call(15, {3});
  bad.mutable_call()->mutable_blocks(0)->mutable_entries()->RemoveLast();
  CHECK(Has(store.Wrong(bad), "the call's end is in it, and was left out"));
  bad = store.Call(14, {2});
  bad.mutable_call()->mutable_blocks(0)->mutable_entries()->DeleteSubrange(1, 1);
  CHECK(Has(store.Wrong(bad), "it holds 3 of the call, and 2 are here"));
  bad = store.Call(12, {0, 1});
  bad.mutable_call()->mutable_blocks()->RemoveLast();
  CHECK(Has(store.Wrong(bad), "whether the call had ended is not proved"));
}

TEST_CASE("a call is still open only where every later block is shown up to the log's size") {
  Log store;
  const v1::Evidence good = store.Call(13, {1});
  CHECK(store.Proven(good).open());
  CHECK(good.call().later_size() == 2);
  CHECK_FALSE(Has(good.SerializeAsString(), "canary"));
  const std::vector<std::function<void(v1::CallEvidence&)>> changes = {
      [](auto& c) { c.clear_later(); },
      [](auto& c) { c.mutable_later()->RemoveLast(); },
      [](auto& c) { c.mutable_later()->DeleteSubrange(0, 1); },
      [](auto& c) { c.mutable_later()->SwapElements(0, 1); },
      [](auto& c) { *c.add_later() = c.later(1); },
      [](auto& c) { c.clear_before(); },
      [](auto& c) { c.mutable_before(0)->front() ^= 1; },
      [](auto& c) { c.mutable_later(0)->mutable_directory()->front() ^= 1; },
      [](auto& c) { c.mutable_later(0)->clear_directory(); },
      [](auto& c) { c.mutable_later(0)->mutable_body_hash()->front() ^= 1; },
      [](auto& c) { c.mutable_later(0)->mutable_parts_hash()->front() ^= 1; },
      [](auto& c) { c.mutable_blocks(0)->mutable_directory()->at(16) ^= 1; },
      [](auto& c) { c.mutable_blocks(0)->clear_directory(); },
      [](auto& c) { c.mutable_blocks(0)->clear_body_hash(); },
      [](auto& c) { c.mutable_blocks(0)->clear_parts_hash(); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    INFO("change " << i);
    v1::Evidence bad = good;
    changes[i](*bad.mutable_call());
    CHECK_FALSE(store.Check(bad).ok());
  }
  // A checkpoint of another size does not go with it, though it is signed.
  for (uint64_t size = 1; size < store.log.size(); ++size) {
    v1::Evidence bad = good;
    bad.set_checkpoint(store.log.NoteAt(size));
    CHECK_FALSE(store.Check(bad).ok());
  }
  store.Add({EndEntry(13, 0, 0, 0, 0)});
  v1::Evidence bad = good;
  bad.set_checkpoint(store.log.Note());
  CHECK_FALSE(store.Check(bad).ok());
  // What was proved at a size stays proved of that size.
  CHECK(store.Proven(good).open());
}

TEST_CASE("a call that went on since its blocks were looked up is proved as it is under the checkpoint") {
  Log store;
  store.Add({FrameEntry(13, v1::DIRECTION_REQUEST, 0, "later")});
  store.Add(WholeCall(16));
  store.log.Write(store.directory.store());
  const ProvenCall open = store.Proven(store.Call(13, {1}));
  CHECK(open.entries == 2);
  CHECK(open.open());
  store.Add({EndEntry(13, 1, 0, 5, 0)});
  store.log.Write(store.directory.store());
  const ProvenCall ended = store.Proven(store.Call(13, {1}));
  CHECK(ended.entries == 3);
  CHECK(ended.ended);
}

TEST_CASE("directories and ends that count wrongly are found, in evidence and by the verifier") {
  Store lies;
  lies.log.BeginSegment();
  lies.log.SetDirectoryLie(1, false);
  const ForgedStore::Block block = lies.log.AddEntries(WholeCall(21));
  lies.log.Write(lies.directory.store());
  CHECK_FALSE(lies.Verifies());
  CHECK(Has(Findings(lies.Verify()), "the directory counts 5 entries, and the block has 4"));
  CHECK_FALSE(
      BuildCallEvidence(StoreLayout(lies.directory.store()), lies.keys, 21, {{block.segment, block.offset}}).ok());

  // The right sum, divided wrongly: nobody without keys can tell.
  Store hidden;
  hidden.log.BeginSegment();
  hidden.log.SetDirectoryLie(0, true);
  const ForgedStore::Block whole = hidden.log.AddEntries(WholeCall(22));
  hidden.log.Write(hidden.directory.store());
  CHECK(hidden.Verifies(false));
  CHECK(Has(Findings(hidden.Verify(true)), "ends in the block, and the directory does not say so"));
  const auto evidence =
      BuildCallEvidence(StoreLayout(hidden.directory.store()), hidden.keys, 22, {{whole.segment, whole.offset}});
  REQUIRE(evidence.ok());
  v1::Evidence bad = *evidence;
  bad.mutable_call()->mutable_blocks(0)->mutable_entries()->RemoveLast();
  CHECK_FALSE(VerifyEvidence(bad, *VerifierKey::Parse(KeyOf(hidden.keys))).ok());

  Log store;
  std::vector<v1::Entry> miscounted = WholeCall(23);
  miscounted.back().mutable_end()->set_entries(5);
  store.Add(miscounted);
  store.log.Write(store.directory.store());
  CHECK(store.Verifies(false));
  CHECK(Has(Findings(store.Verify(true)), "ends with 5 entries, but has 4"));
  CHECK(Has(store.Wrong(store.Call(23, {4})), "ends with 5 entries, but has 4"));
}

TEST_CASE("evidence of a call in format 2 says that it cannot show what is missing, and never that it is open") {
  Log store(2);
  CHECK(store.Verifies(true));
  // In both formats.
  const v1::Evidence both = store.Call(12, {0, 1});
  CHECK_FALSE(store.Proven(both).complete);
  CHECK(store.Proven(both).ended);
  // In format 2 alone, without its end.
  v1::Evidence bad = store.Call(11, {0});
  CHECK_FALSE(store.Proven(bad).complete);
  bad.mutable_call()->mutable_blocks(0)->mutable_entries()->RemoveLast();
  const ProvenCall cut = store.Proven(bad);
  CHECK_FALSE(cut.complete);
  CHECK_FALSE(cut.ended);
  CHECK_FALSE(cut.open());
  // As an earlier version wrote it.
  v1::Evidence old = store.Call(11, {0});
  old.set_version(1);
  old.mutable_call()->mutable_blocks(0)->clear_directory();
  old.mutable_call()->mutable_blocks(0)->clear_body_hash();
  CHECK(store.Proven(old).entries == 4);
  // That does not help where the block says how many there are.
  v1::Evidence stripped = store.Call(15, {3});
  stripped.set_version(1);
  stripped.mutable_call()->mutable_blocks(0)->clear_directory();
  CHECK_FALSE(store.Check(stripped).ok());
  // The chain over both is followed.
  v1::Evidence headless = both;
  headless.mutable_call()->mutable_blocks()->DeleteSubrange(0, 1);
  CHECK_FALSE(store.Check(headless).ok());
}

TEST_CASE("payloads that stand apart are proved with their entries, also when the keys are destroyed") {
  Log store(kFormatVersion, 1);
  CHECK(store.Verifies(true));
  const v1::Evidence good = store.Call(12, {0, 1});
  store.keys.destroyed[1] = store.keys.destroyed[2] = true;
  const ProvenCall proven = store.Proven(good);
  CHECK(proven.complete);
  CHECK(proven.unopened == 0);
  CHECK(proven.record[1].frame().payload() == "mine");
  CHECK_FALSE(proven.record[1].frame().has_part());
  CHECK_FALSE(Has(good.SerializeAsString(), "canary"));
  const std::vector<std::function<void(v1::ProvenEntry&)>> changes = {
      [](auto& e) { e.clear_part(); },
      [](auto& e) { e.mutable_part()->front() ^= 1; },
      [](auto& e) { e.mutable_part()->back() ^= 1; },
      [](auto& e) { e.mutable_part()->push_back('x'); },
      [](auto& e) {
        v1::Entry entry;
        entry.ParseFromString(e.entry());
        entry.mutable_frame()->mutable_part()->mutable_key()->front() ^= 1;
        e.set_entry(entry.SerializeAsString());
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    INFO("change " << i);
    v1::Evidence bad = good;
    changes[i](*bad.mutable_call()->mutable_blocks(0)->mutable_entries(1));
    CHECK_FALSE(store.Check(bad).ok());
  }
}

TEST_CASE("a payload under a further key that is not there is left away, and everything else still verifies") {
  Log store;
  store.log.SetSmallestPart(1);
  store.log.SealPartKeys();
  store.Add(WholeCall(41));
  store.log.Write(store.directory.store());
  INFO(Findings(store.Verify(true)));
  CHECK(store.Verifies(true));
  const v1::Evidence good = store.Call(41, {4});
  const ProvenCall proven = store.Proven(good);
  CHECK(proven.complete);
  CHECK(proven.unopened == 2);
  CHECK(proven.record[1].frame().payload().empty());
  CHECK(proven.record[1].frame().part().length() == 7);
  v1::Evidence bad = good;
  bad.mutable_call()->mutable_blocks(0)->mutable_entries(1)->mutable_part()->front() ^= 1;
  CHECK_FALSE(store.Check(bad).ok());
  // A reader leaves it as it is.
  SegmentReader segment = SegmentReader::Open(StoreLayout(store.directory.store()), store.keys, 2).value();
  const absl::StatusOr<Block> block = segment.ReadBlock(store.blocks[4].offset());
  INFO(block.status().message());
  REQUIRE(block.ok());
  int left = 0;
  const absl::Status read = ForEachEntry(block->body, [&](std::string_view bytes) {
    v1::Entry entry;
    REQUIRE(entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    if (entry.frame().has_part()) ++left;
    return absl::OkStatus();
  });
  CHECK(read.ok());
  CHECK(left == 2);
}

TEST_CASE("nobody needs a key to find a changed byte of a part") {
  Log store(kFormatVersion, 1);
  const std::string good = store.log.segment(1);
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    WriteFile(store.path(1), bad);
    INFO("byte " << at);
    CHECK_FALSE(store.Verifies(false));
  }
}

TEST_CASE("kinds of entry that this version does not know are passed over, and counted") {
  Log store;
  std::vector<v1::Entry> call = WholeCall(31);
  call.insert(call.begin() + 1, UnknownEntry(31));
  call.back().mutable_end()->set_entries(5);
  store.Add(call);
  store.log.Write(store.directory.store());
  CHECK(store.Verifies(false));
  INFO(Findings(store.Verify(true)));
  CHECK(store.Verifies(true));
  const v1::Evidence good = store.Call(31, {4});
  CHECK(store.Proven(good).unknown == 1);
  CHECK(store.Proven(good).entries == 5);
  v1::Evidence bad = good;
  bad.mutable_call()->mutable_blocks(0)->mutable_entries()->DeleteSubrange(1, 1);
  CHECK_FALSE(store.Check(bad).ok());
}

TEST_CASE("a list's evidence does not hide the end, or the beginning, of a call that it lists") {
  Log store;
  const v1::Evidence whole =
      store.Answer({{12, store.blocks[0], store.blocks[1]}, {14, store.blocks[2], store.blocks[2]}});
  REQUIRE(store.Check(whole).ok());
  CHECK(std::get<ProvenAnswer>(store.Check(whole)->about).open.empty());
  // As if the call's last block, or its first, were another.
  const auto cut_end = BuildAnswerEvidence(StoreLayout(store.directory.store()),
                                           std::vector<ListedCall>{{12, store.blocks[0], store.blocks[0]}});
  REQUIRE(cut_end.ok());
  v1::Evidence bad = *cut_end;
  CHECK(std::get<ProvenAnswer>(store.Check(bad)->about).open.empty());  // it went on to the end, which was found
  bad = whole;
  bad.mutable_answer()->mutable_leaves()->DeleteSubrange(1, whole.answer().leaves_size() - 1);
  CHECK_FALSE(store.Check(bad).ok());
  const v1::Evidence headless = store.Answer({{12, store.blocks[1], store.blocks[1]}});
  CHECK(Has(store.Wrong(headless), "begins before this part of the log"));
  // One that is open is listed up to the log's size.
  const v1::Evidence open = store.Answer({{13, store.blocks[1], store.blocks[1]}});
  const auto proven = store.Check(open);
  INFO(proven.status().message());
  REQUIRE(proven.ok());
  CHECK(std::get<ProvenAnswer>(proven->about).open == std::vector<uint64_t>{13});
  CHECK(std::get<ProvenAnswer>(proven->about).end_leaf == store.log.size());
}

}  // namespace
}  // namespace sallyport::recorder
