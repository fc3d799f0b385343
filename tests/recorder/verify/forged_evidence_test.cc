// Evidence that somebody made by hand, some of it over a log that lies and whose key signed all the same: in each case
// everything fits but for one thing.
#include <catch2/catch.hpp>
#include <functional>
#include <utility>

#include "recorder/format/checkpoint.h"
#include "recorder/verify/evidence_check.h"
#include "tests/recorder/verify/evidence_fixture.h"

namespace sallyport::recorder {
namespace {

constexpr char kOtherLog[] = "sallyport/00000000000000000000000000000000";

std::vector<v1::Entry> Joined(std::vector<v1::Entry> first, const std::vector<v1::Entry>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// As a file of version 1, which has no directories.
v1::Evidence WithoutDirectories(v1::Evidence evidence) {
  evidence.set_version(1);
  for (v1::ProvenBlock& block : *evidence.mutable_call()->mutable_blocks()) {
    block.clear_directory();
    block.clear_body_hash();
  }
  return evidence;
}

TEST_CASE("a checkpoint that the key signed, but that names another log, proves nothing") {
  EvidenceStore store;
  store.log.BeginSegment();
  store.Add(WholeCall(11));
  store.Write();
  for (v1::Evidence evidence : {store.Call(11, {0}), store.Answer({{11, store.blocks[0], store.blocks[0]}})}) {
    REQUIRE(store.Check(evidence).ok());
    evidence.set_checkpoint(SignNote(store.keys, store.log.size(), store.log.root(), kOtherLog));
    CHECK(Has(store.Wrong(evidence), "another log than the evidence"));
    evidence.set_origin(kOtherLog);
    CHECK(Has(store.Wrong(evidence), "another log than the key"));
    evidence.set_checkpoint(store.log.Note());
    CHECK(Has(store.Wrong(evidence), "another log than the evidence"));
  }
}

TEST_CASE("evidence of a version that there is not, or without a checkpoint, proves nothing") {
  EvidenceStore store;
  store.log.BeginSegment();
  store.Add(WholeCall(11));
  store.Write();
  const v1::Evidence good = store.Call(11, {0});
  for (const uint32_t version : {0, 3}) {
    v1::Evidence bad = good;
    bad.set_version(version);
    CHECK(Has(store.Wrong(bad), "version"));
  }
  v1::Evidence bad = good;
  bad.clear_checkpoint();
  CHECK(Has(store.Wrong(bad), "the checkpoint: "));
}

// Nothing but the order, the names and the start speaks against what somebody says of a log in format 2.
TEST_CASE("where directories do not count, what is shown still is a call from its start, in the order of the log") {
  EvidenceStore store;
  store.log.SetFormat(2);
  store.log.BeginSegment();
  store.Add({StartEntry(71)});
  store.Add({FrameEntry(71, v1::DIRECTION_REQUEST, 0, "a")});
  store.Add({FrameEntry(71, v1::DIRECTION_RESPONSE, 0, "b")});
  store.Add(WholeCall(72));
  store.Add(WholeCall(73));
  store.log.CloseSegment();
  store.Write();
  const v1::Evidence open = WithoutDirectories(store.Call(71, {0, 1, 2}));
  CHECK(store.Proven(open).entries == 3);
  const v1::Evidence whole = WithoutDirectories(store.Call(72, {3}));
  CHECK(store.Proven(whole).ended);

  v1::Evidence bad = open;
  bad.mutable_call()->mutable_blocks()->SwapElements(1, 2);
  CHECK(Has(store.Wrong(bad), "not in the order of the log"));
  bad = open;
  bad.mutable_call()->mutable_blocks()->DeleteSubrange(0, 1);
  CHECK(Has(store.Wrong(bad), "not the call's start"));
  bad = whole;
  bad.mutable_call()->mutable_blocks(0)->mutable_entries()->DeleteSubrange(0, 1);
  bad.mutable_call()->mutable_blocks(0)->mutable_entries()->RemoveLast();
  CHECK(Has(store.Wrong(bad), "not the call's start"));
  bad = whole;
  bad.mutable_call()->set_call_id(99);
  CHECK(Has(store.Wrong(bad), "of another call"));
  // Blocks that show nothing.
  bad = open;
  *bad.mutable_call()->add_blocks() = store.EmptyBlock(store.log.blocks().back());
  CHECK(Has(store.Wrong(bad), "it holds no entries"));
  bad = whole;
  *bad.mutable_call()->add_blocks() = store.EmptyBlock(store.log.blocks()[4]);
  CHECK(Has(store.Wrong(bad), "the call had ended before"));
}

TEST_CASE("the bytes between salt and entry are not for anybody to share out anew") {
  EvidenceStore store;
  store.log.SetFormat(2);
  store.log.BeginSegment();
  store.Add(WholeCall(72));
  store.Write();
  v1::Evidence bad = WithoutDirectories(store.Call(72, {0}));
  // What is left of each entry is one of call 0.
  constexpr size_t kCallId = 9;
  bad.mutable_call()->set_call_id(0);
  for (v1::ProvenEntry& entry : *bad.mutable_call()->mutable_blocks(0)->mutable_entries()) {
    entry.mutable_salt()->append(entry.entry().substr(0, kCallId));
    entry.mutable_entry()->erase(0, kCallId);
  }
  CHECK(Has(store.Wrong(bad), "the salt has not 16 bytes"));
}

TEST_CASE("the entries of one call are not those of another of which the block has as many") {
  EvidenceStore store;
  store.log.BeginSegment();
  store.Add(Joined(WholeCall(51), WholeCall(52)));
  store.Write();
  v1::Evidence bad = store.Call(51, {0});
  REQUIRE(store.Proven(bad).complete);
  bad.mutable_call()->set_call_id(52);
  CHECK(Has(store.Wrong(bad), "of another call"));
}

TEST_CASE("an earlier block of the call that its directory names cannot be left out, also before a start") {
  EvidenceStore store;
  store.log.BeginSegment();
  store.Add(WholeCall(11));
  store.log.Relink(61, store.blocks[0]);
  store.Add(WholeCall(61));
  store.Write();
  CHECK(Has(store.Wrong(store.Call(61, {1})), "entries are missing: a block before it holds some"));
}

TEST_CASE("what the entries of a log that lies say is held against each other in evidence, too") {
  const std::vector<v1::Entry> good = WholeCall(21);
  struct {
    const char* what;
    const char* why;
    std::function<void(std::vector<v1::Entry>&)> lie;
  } const cases[] = {
      {"a frame that is missing", "has request frame 1 where 0 has to be",
       [](auto& entries) { entries[1].mutable_frame()->set_index(1); }},
      {"two starts", "starts twice", [](auto& entries) { entries[2] = entries[0]; }},
      {"a frame without a direction", "without a direction",
       [](auto& entries) { entries[1].mutable_frame()->clear_direction(); }},
      {"something behind the end", "has entries behind its end",
       [](auto& entries) { std::swap(entries[2], entries[3]); }},
      {"an end that counts other bytes", "ends with 1 and 1 frames of 8 and 7 bytes",
       [](auto& entries) { entries[3].mutable_end()->set_request_bytes(8); }},
      {"an end that counts other frames", "ends with 1 and 2 frames",
       [](auto& entries) { entries[3].mutable_end()->set_response_frames(2); }},
      {"an end that counts other entries", "ends with 3 entries, but has 4",
       [](auto& entries) { entries[3].mutable_end()->set_entries(3); }},
      {"an entry of no kind", "it is no entry", [](auto& entries) { entries[2].clear_event(); }},
  };
  for (const auto& each : cases) {
    INFO(each.what);
    EvidenceStore store;
    store.log.BeginSegment();
    std::vector<v1::Entry> entries = good;
    each.lie(entries);
    store.Add(entries);
    store.Write();
    const std::string wrong = store.Wrong(store.Call(21, {0}));
    INFO(wrong);
    CHECK(Has(wrong, each.why));
  }
}

TEST_CASE("a part beside an entry that names none, or that has its payload already, is refused") {
  EvidenceStore store;
  store.log.SetSmallestPart(1);
  store.log.BeginSegment();
  store.Add(WholeCall(21));
  store.log.lies.entry = [](v1::Entry& entry) {
    if (entry.has_frame()) entry.mutable_frame()->set_payload("beside it");
  };
  store.Add(WholeCall(22));
  store.Write();
  v1::Evidence bad = store.Call(21, {0});
  REQUIRE(store.Check(bad).ok());
  bad.mutable_call()->mutable_blocks(0)->mutable_entries(0)->set_part("a part");
  CHECK(Has(store.Wrong(bad), "it has no part, and one is there"));
  CHECK(Has(store.Wrong(store.Call(22, {1})), "it has a payload and a part"));
}

TEST_CASE("what a directory that lies says of a call is held against what is shown of it") {
  EvidenceStore store;
  store.log.BeginSegment();
  SECTION("it does not name the call") {
    store.log.lies.directory = [](auto& lines) { lines[0].call_id = 99; };
    store.Add(WholeCall(21));
    store.Write();
    CHECK(Has(store.Wrong(store.Call(21, {0})), "its directory does not name the call"));
  }
  SECTION("it counts one entry less, which somebody uses to leave out the end") {
    store.log.lies.directory = [](auto& lines) {
      --lines[0].entries;
      ++lines[1].entries;
    };
    store.Add(Joined(WholeCall(21), {StartEntry(22)}));
    store.Write();
    v1::Evidence bad = store.Call(21, {0});
    CHECK_FALSE(store.Check(bad).ok());
    bad.mutable_call()->mutable_blocks(0)->mutable_entries()->RemoveLast();
    CHECK(Has(store.Wrong(bad), "the call's end is in it, and was left out"));
  }
}

// Call 13 is open. Its evidence is made before the block that each case adds.
struct OpenCall : EvidenceStore {
  OpenCall() {
    log.BeginSegment();
    Add(WholeCall(11));
    Add({StartEntry(13)});
    Add(WholeCall(15));
    log.CloseSegment();
    log.BeginSegment();
    Write();
    evidence = Call(13, {1});
    REQUIRE(Proven(evidence).open());
  }
  // With what was added since, as far as it is shown by hand.
  v1::Evidence WithLater(const std::vector<v1::ProvenLeaf>& leaves) {
    v1::Evidence later = evidence;
    *later.mutable_call()->mutable_blocks(0)->mutable_inclusion() = EmptyBlock(log.blocks()[1]).inclusion();
    for (const v1::ProvenLeaf& leaf : leaves) *later.mutable_call()->add_later() = leaf;
    later.set_checkpoint(log.Note());
    return later;
  }
  v1::Evidence evidence;
};

TEST_CASE("a call is not open if a later block holds entries of it, however that is told") {
  OpenCall store;
  SECTION("nothing does") {
    store.Add(WholeCall(16));
    CHECK(store.Proven(store.WithLater({store.LeafOf(store.log.blocks().back())})).open());
  }
  SECTION("one does") {
    store.Add(Joined(WholeCall(16), {EndEntry(13, 0, 0, 0, 0)}));
    CHECK(Has(store.Wrong(store.WithLater({store.LeafOf(store.log.blocks().back())})),
              "entries are missing: the block at leaf 6 holds some of the call"));
  }
  SECTION("one does, in a line of its directory that its header does not count") {
    store.log.lies.block_header = [](BlockHeader& header) { header.calls = 1; };
    store.Add({StartEntry(40), EndEntry(13, 0, 0, 0, 0)});
    CHECK(Has(store.Wrong(store.WithLater({store.LeafOf(store.log.blocks().back())})),
              "the directory is not the one the header commits to"));
  }
  SECTION("one says that it stands elsewhere") {
    store.log.lies.block_header = [](BlockHeader& header) { ++header.leaf_index; };
    store.Add(WholeCall(16));
    CHECK(Has(store.Wrong(store.WithLater({store.LeafOf(store.log.blocks().back())})), "names another place"));
  }
  SECTION("the header of a segment pretends to have a directory") {
    v1::Evidence bad = store.evidence;
    REQUIRE(bad.call().later_size() == 3);
    bad.mutable_call()->mutable_later(2)->set_directory("x");
    CHECK(Has(store.Wrong(bad), "a segment's header has no directory"));
  }
  SECTION("a leaf is neither a block nor a segment's header") {
    v1::Evidence bad = store.evidence;
    bad.mutable_call()->mutable_later(2)->mutable_header()->push_back('x');
    CHECK(Has(store.Wrong(bad), "neither 128 nor 136 bytes"));
  }
}

TEST_CASE("a call of which nothing is shown is not open, though no block of the log holds any of it") {
  EvidenceStore store;
  store.log.BeginSegment();
  store.Add(WholeCall(11));
  store.Write();
  v1::Evidence bad = store.Call(11, {0});
  v1::CallEvidence& call = *bad.mutable_call();
  call.Clear();
  call.set_call_id(77);
  *call.add_later() = store.LeafOfSegment(1);
  *call.add_later() = store.LeafOf(store.log.blocks()[0]);
  CHECK(Has(store.Wrong(bad), "there are no entries"));
}

TEST_CASE("a list says of a call that it is open only with all of the log behind it") {
  OpenCall store;
  const v1::Evidence good = store.Answer({{13, store.blocks[1], store.blocks[1]}});
  CHECK(store.ProvenList(good).open == std::vector<uint64_t>{13});
  CHECK(store.ProvenList(good).entries == 5);
  v1::Evidence bad = good;
  v1::AnswerEvidence& answer = *bad.mutable_answer();
  REQUIRE(answer.leaves_size() > 1);
  answer.mutable_leaves()->DeleteSubrange(1, answer.leaves_size() - 1);
  answer.clear_others();
  answer.clear_behind();
  store.AddTiles(answer.first_leaf() + 1, store.log.size(), *answer.mutable_behind());
  CHECK(Has(store.Wrong(bad), "does not go up to the log's size"));
}

TEST_CASE("a list says nothing of whether a call of format 2 has ended") {
  EvidenceStore store;
  store.log.SetFormat(2);
  store.log.BeginSegment();
  store.Add(WholeCall(11));
  store.Write();
  const ProvenAnswer answer = store.ProvenList(store.Answer({{11, store.blocks[0], store.blocks[0]}}));
  CHECK(answer.unknown == std::vector<uint64_t>{11});
  CHECK(answer.open.empty());
}

TEST_CASE("a list leaves out no call, however the log tells of it") {
  EvidenceStore store;
  store.log.BeginSegment();
  store.Add(WholeCall(11));
  const auto by_hand = [&] {
    v1::Evidence evidence;
    evidence.set_version(2);
    evidence.set_origin(CheckpointOrigin(store.keys.store_id()));
    evidence.set_checkpoint(store.log.Note());
    v1::AnswerEvidence& answer = *evidence.mutable_answer();
    answer.set_first_leaf(store.log.size() - 1);
    store.AddTiles(0, answer.first_leaf(), *answer.mutable_before());
    *answer.add_leaves() = store.LeafOf(store.log.blocks().back());
    answer.add_listed(40);
    return evidence;
  };
  SECTION("there is none") {
    store.Add(WholeCall(40));
    CHECK(store.ProvenList(by_hand()).listed == std::vector<uint64_t>{40});
  }
  SECTION("its line is not counted") {
    store.log.lies.block_header = [](BlockHeader& header) { header.calls = 1; };
    store.Add(Joined(WholeCall(40), WholeCall(41)));
    CHECK(Has(store.Wrong(by_hand()), "the directory is not the one the header commits to"));
  }
  SECTION("the block says that it stands elsewhere") {
    store.log.lies.block_header = [](BlockHeader& header) { ++header.leaf_index; };
    store.Add(WholeCall(40));
    CHECK(Has(store.Wrong(by_hand()), "names another place"));
  }
}

}  // namespace
}  // namespace sallyport::recorder
