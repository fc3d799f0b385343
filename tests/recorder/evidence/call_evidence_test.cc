#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>

#include "absl/strings/escaping.h"
#include "recorder/crypto/text.h"
#include "recorder/evidence/evidence.h"
#include "recorder/format/call_id.h"
#include "recorder/format/checkpoint.h"
#include "recorder/format/store_layout.h"
#include "recorder/verify/evidence_check.h"
#include "tests/recorder/forged_store.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

constexpr char kCanary[] = "canary-of-a-neighbour";

// Call 12 is in two blocks of two segments, with calls 11 and 13 beside it.
struct Store {
  Store() : keys('a'), log(keys), layout(directory.store()) {
    log.BeginSegment();
    std::vector<v1::Entry> first = WholeCall(11, kCanary);
    first.push_back(StartEntry(12));
    first.push_back(FrameEntry(12, v1::DIRECTION_REQUEST, 0, "mine"));
    Add(first);
    Add(WholeCall(14, kCanary));
    log.CloseSegment();
    log.BeginSegment();
    std::vector<v1::Entry> second = {FrameEntry(12, v1::DIRECTION_RESPONSE, 0, "too"), StartEntry(13, kCanary)};
    second.push_back(EndEntry(12, 1, 1, 4, 3));
    Add(second);
    log.Write(directory.store());
  }
  void Add(const std::vector<v1::Entry>& entries) {
    const ForgedStore::Block block = log.AddEntries(entries);
    blocks.emplace_back(block.segment, block.offset);
  }
  VerifierKey key() const {
    return *VerifierKey::Make(CheckpointOrigin(keys.store_id()), SignatureType::kEd25519,
                              keys.signing_key().public_key());
  }
  v1::Evidence CallTwelve() {
    const absl::StatusOr<v1::Evidence> evidence = BuildCallEvidence(layout, keys, 12, {blocks[0], blocks[2]});
    INFO(evidence.status().message());
    REQUIRE(evidence.ok());
    return *evidence;
  }
  v1::Evidence Answer(const std::vector<ListedCall>& calls) {
    const absl::StatusOr<v1::Evidence> evidence = BuildAnswerEvidence(layout, calls);
    INFO(evidence.status().message());
    REQUIRE(evidence.ok());
    return *evidence;
  }
  bool Verifies(const v1::Evidence& evidence) const { return VerifyEvidence(evidence, key()).ok(); }

  TemporaryDirectory directory;
  FakeStoreKeys keys;
  ForgedStore log;
  StoreLayout layout;
  std::vector<Position> blocks;
};

TEST_CASE("the evidence of a call proves its entries with nothing else at hand") {
  Store store;
  const std::string file = FormatEvidence(store.CallTwelve());
  const absl::StatusOr<v1::Evidence> read = ParseEvidence(file);
  REQUIRE(read.ok());
  const absl::StatusOr<ProvenEvidence> proven = VerifyEvidence(*read, store.key());
  INFO(proven.status().message());
  REQUIRE(proven.ok());
  const auto& call = std::get<ProvenCall>(proven->about);
  CHECK(proven->origin == CheckpointOrigin(store.keys.store_id()));
  CHECK(proven->size == store.log.size());
  CHECK(call.entries == 4);
  CHECK(call.ended);
  CHECK(call.complete);
  CHECK(call.stated.identity == "https://idp.test#alice");
  CHECK(call.stated.method == "shop.Orders/Get");
  CHECK(call.record[1].frame().payload() == "mine");
}

TEST_CASE("nothing of the calls beside it is in a call's evidence") {
  Store store;
  const v1::Evidence evidence = store.CallTwelve();
  const std::string bytes = evidence.SerializeAsString();
  CHECK(bytes.find(kCanary) == std::string::npos);
  for (const uint64_t neighbour : {11, 13, 14}) {
    std::string id(8, '\0');
    id[0] = static_cast<char>(neighbour);
    CHECK(bytes.find("\x09" + id) == std::string::npos);  // an entry's first field
  }
  int entries = 0;
  for (const v1::ProvenBlock& block : evidence.call().blocks()) entries += block.entries_size();
  CHECK(entries == 4);
}

TEST_CASE("evidence stays good when the keys of its segments are destroyed, and cannot be made any more") {
  Store store;
  const v1::Evidence evidence = store.CallTwelve();
  store.keys.destroyed[1] = true;
  CHECK(store.Verifies(evidence));
  CHECK(absl::IsNotFound(BuildCallEvidence(store.layout, store.keys, 12, {store.blocks[0], store.blocks[2]}).status()));
}

TEST_CASE("evidence waits for a checkpoint that covers it") {
  Store store;
  store.log.AddEntries({StartEntry(19)});
  const ForgedStore::Block late = store.log.blocks().back();
  store.log.Write(store.directory.store(), store.log.CheckpointAt(3));
  CHECK(absl::IsFailedPrecondition(
      BuildCallEvidence(store.layout, store.keys, 19, {Position(late.segment, late.offset)}).status()));
}

TEST_CASE("evidence stands under the checkpoint that witnesses cosigned, where that covers it") {
  Store store;
  // An earlier checkpoint, with a line of somebody else under the store's own.
  const std::string witness = "\xE2\x80\x94 witness.example " + absl::Base64Escape(std::string(76, 'w')) + "\n";
  const std::string cosigned = store.log.NoteAt(3) + witness;
  WriteFile(store.layout.Cosigned(), cosigned);
  CHECK(store.CallTwelve().checkpoint() == store.log.Note());  // it goes on behind leaf 3
  const absl::StatusOr<v1::Evidence> early = BuildCallEvidence(store.layout, store.keys, 11, {store.blocks[0]});
  REQUIRE(early.ok());
  CHECK(early->checkpoint() == cosigned);
  CHECK(store.Verifies(*early));
}

TEST_CASE("the evidence of an open call says that it is open") {
  Store store;
  const absl::StatusOr<v1::Evidence> evidence = BuildCallEvidence(store.layout, store.keys, 13, {store.blocks[2]});
  REQUIRE(evidence.ok());
  const absl::StatusOr<ProvenEvidence> proven = VerifyEvidence(*evidence, store.key());
  REQUIRE(proven.ok());
  CHECK(std::get<ProvenCall>(proven->about).open());
}

TEST_CASE("evidence that was changed anywhere proves nothing") {
  Store store;
  const v1::Evidence good = store.CallTwelve();
  REQUIRE(store.Verifies(good));
  const std::vector<std::function<void(v1::Evidence&)>> changes = {
      [](auto& e) { e.set_version(3); },
      [](auto& e) { e.set_origin("sallyport/00"); },
      [](auto& e) { e.mutable_checkpoint()->replace(e.checkpoint().find('\n') + 1, 1, "9"); },
      [](auto& e) { e.clear_call(); },
      [](auto& e) { e.mutable_call()->set_call_id(11); },
      [](auto& e) { e.mutable_call()->clear_blocks(); },
      [](auto& e) { e.mutable_call()->mutable_blocks()->DeleteSubrange(0, 1); },
      [](auto& e) {
        e.mutable_call()->mutable_blocks()->DeleteSubrange(1, 1);
        e.mutable_call()->mutable_blocks(0)->mutable_entries()->DeleteSubrange(0, 1);
      },
      [](auto& e) { e.mutable_call()->mutable_blocks()->SwapElements(0, 1); },
      [](auto& e) { *e.mutable_call()->add_blocks() = e.call().blocks(1); },
      [](auto& e) { e.mutable_call()->mutable_blocks(0)->mutable_entries()->SwapElements(0, 1); },
      [](auto& e) { e.mutable_call()->mutable_blocks(0)->mutable_entries()->DeleteSubrange(1, 1); },
      [](auto& e) { e.mutable_call()->mutable_blocks(1)->mutable_entries()->DeleteSubrange(0, 1); },
      [](auto& e) { e.mutable_call()->mutable_blocks(0)->mutable_entries(1)->mutable_entry()->back() ^= 1; },
      [](auto& e) { e.mutable_call()->mutable_blocks(0)->mutable_entries(1)->mutable_salt()->back() ^= 1; },
      [](auto& e) { e.mutable_call()->mutable_blocks(0)->mutable_entries(1)->set_index(4); },
      [](auto& e) { e.mutable_call()->mutable_blocks(0)->mutable_inclusion(0)->back() ^= 1; },
      [](auto& e) { e.mutable_call()->mutable_blocks(0)->add_inclusion(std::string(32, 'x')); },
      [](auto& e) { e.mutable_call()->mutable_blocks(0)->add_inclusion("short"); },
      [](auto& e) { e.mutable_call()->mutable_blocks(0)->mutable_header()->pop_back(); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    v1::Evidence bad = good;
    changes[i](bad);
    INFO("change " << i);
    CHECK(!store.Verifies(bad));
  }
  for (size_t i = 0; i < kBlockHeaderSize; ++i) {
    v1::Evidence bad = good;
    (*bad.mutable_call()->mutable_blocks(0)->mutable_header())[i] ^= 1;
    CHECK(!store.Verifies(bad));
  }
  const FakeStoreKeys other('b');
  CHECK(!VerifyEvidence(good, *VerifierKey::Make(CheckpointOrigin(store.keys.store_id()), SignatureType::kEd25519,
                                                 other.signing_key().public_key()))
             .ok());
}

TEST_CASE("what is no evidence is refused with the reason") {
  for (const char* text : {"", "{}", "[]", "{\"version\": 1, \"call\": 3}", "{\"version\": 7}", "\xff\xfe"}) {
    CHECK(absl::IsInvalidArgument(ParseEvidence(text).status()));
  }
}

TEST_CASE("an answer's evidence names all calls in its part of the log, and shows that there are no others") {
  Store store;
  const v1::Evidence good = store.Answer({{12, store.blocks[0], store.blocks[2]}});
  const absl::StatusOr<v1::Evidence> read = ParseEvidence(FormatEvidence(good));
  REQUIRE(read.ok());
  const absl::StatusOr<ProvenEvidence> proven = VerifyEvidence(*read, store.key());
  INFO(proven.status().message());
  REQUIRE(proven.ok());
  const auto& answer = std::get<ProvenAnswer>(proven->about);
  CHECK(answer.first_leaf == 1);
  CHECK(answer.end_leaf == 6);
  CHECK(answer.blocks == 3);
  CHECK(answer.listed == std::vector<uint64_t>{12});
  CHECK(answer.others == std::vector<uint64_t>{11, 13, 14});
  CHECK(good.SerializeAsString().find(kCanary) == std::string::npos);

  const std::vector<std::function<void(v1::AnswerEvidence&)>> changes = {
      [](auto& a) { a.clear_others(); },
      [](auto& a) { a.mutable_others()->RemoveLast(); },
      [](auto& a) { a.add_others(99); },
      [](auto& a) { a.add_listed(11); },
      [](auto& a) { a.clear_listed(); },
      [](auto& a) { a.mutable_leaves()->DeleteSubrange(1, 1); },
      [](auto& a) { a.mutable_leaves()->RemoveLast(); },
      [](auto& a) { a.mutable_leaves()->SwapElements(0, 1); },
      [](auto& a) { a.mutable_leaves(0)->mutable_directory()->front() ^= 1; },
      [](auto& a) { a.mutable_leaves(0)->clear_directory(); },
      [](auto& a) { a.mutable_leaves(0)->mutable_body_hash()->front() ^= 1; },
      [](auto& a) { a.mutable_leaves(0)->mutable_header()->back() ^= 1; },
      [](auto& a) { a.set_first_leaf(2); },
      [](auto& a) { a.clear_before(); },
      [](auto& a) { a.add_behind(std::string(32, 'x')); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    v1::Evidence bad = good;
    changes[i](*bad.mutable_answer());
    INFO("change " << i);
    CHECK(!store.Verifies(bad));
  }
}

TEST_CASE("an answer that lists nothing can be proved to claim nothing") {
  Store store;
  CHECK(store.Verifies(store.Answer({})));
}

TEST_CASE("of what is damaged or gone no evidence is made, and it is said what and where") {
  Store store;
  const auto call = [&] {
    return BuildCallEvidence(store.layout, store.keys, 12, {store.blocks[0], store.blocks[2]}).status();
  };
  const auto answer = [&] {
    return BuildAnswerEvidence(store.layout, std::vector<ListedCall>{{12, store.blocks[0], store.blocks[2]}}).status();
  };
  const auto says = [](const absl::Status& status, std::string_view what) {
    INFO(status.ToString());
    return std::string(status.message()).find(what) != std::string::npos;
  };
  std::string& bytes = store.log.segment(2);
  SECTION("the header of a block") {
    bytes[store.blocks[2].offset() + 20] ^= 1;
    store.log.Write(store.directory.store());
    for (const absl::Status& status : {call(), answer()}) {
      CHECK(absl::IsDataLoss(status));
      CHECK(says(status, absl::StrCat("segment 2, offset ", store.blocks[2].offset() + 20)));
    }
  }
  SECTION("a block of another place") {
    const ForgedStore::Block& first = store.log.blocks()[0];
    bytes.replace(store.blocks[2].offset(), kBlockHeaderSize,
                  store.log.segment(1).substr(first.offset, kBlockHeaderSize));
    store.log.Write(store.directory.store());
    for (const absl::Status& status : {call(), answer()}) CHECK(says(status, "belongs elsewhere"));
  }
  SECTION("the end of a segment") {
    bytes.resize(bytes.size() - 1);
    store.log.Write(store.directory.store());
    for (const absl::Status& status : {call(), answer()}) CHECK(says(status, "the segment ends within this block"));
    bytes.resize(store.blocks[2].offset() + 7);
    store.log.Write(store.directory.store());
    for (const absl::Status& status : {call(), answer()}) CHECK(says(status, "the segment ends here"));
  }
  SECTION("a segment") {
    std::filesystem::remove(store.layout.Segment(1));
    for (const absl::Status& status : {call(), answer()}) {
      CHECK(absl::IsNotFound(status));
      CHECK(says(status, "segment 1 was deleted"));
    }
  }
  SECTION("leaves") {
    std::string leaves = ReadFile(store.layout.Leaves());
    leaves[0] ^= 1;
    WriteFile(store.layout.Leaves(), leaves);
    CHECK(says(call(), "tree/leaves does not fit the checkpoint"));
    std::filesystem::resize_file(store.layout.Leaves(), leaves.size() - 32);
    CHECK(says(call(), "tree/leaves is too short"));
  }
  SECTION("the checkpoint") {
    std::filesystem::remove(store.layout.Checkpoint());
    for (const absl::Status& status : {call(), answer()}) {
      CHECK(absl::IsFailedPrecondition(status));
      CHECK(says(status, "although the tree has 6 leaves: it was removed, or the gateway was ended"));
    }
    WriteFile(store.layout.Cosigned(), "not a note");
    CHECK(says(call(), "although what was signed after it is: it was removed. Nothing can be proved"));
    std::filesystem::remove(store.layout.Cosigned());
    std::filesystem::remove(store.layout.Leaves());
    CHECK(says(call(), "no checkpoint was signed yet"));
  }
}

}  // namespace
}  // namespace sallyport::recorder
