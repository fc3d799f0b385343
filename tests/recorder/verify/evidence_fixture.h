// What the tests of evidence share: a forged log, and evidence from it, as it is built and as somebody makes it by
// hand.
#ifndef SALLYPORT_TESTS_RECORDER_VERIFY_EVIDENCE_FIXTURE_H_
#define SALLYPORT_TESTS_RECORDER_VERIFY_EVIDENCE_FIXTURE_H_

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "recorder/crypto/merkle.h"
#include "recorder/crypto/proofs.h"
#include "recorder/crypto/text.h"
#include "recorder/evidence/evidence.h"
#include "recorder/format/store_layout.h"
#include "recorder/verify/evidence_check.h"
#include "recorder/verify/header_check.h"
#include "tests/recorder/forged_store.h"
#include "tests/recorder/verify/verifier_fixture.h"

namespace sallyport::recorder {

// A store whose blocks of entries are known by number.
struct EvidenceStore : Store {
  void Add(const std::vector<v1::Entry>& entries) {
    const ForgedStore::Block block = log.AddEntries(entries);
    blocks.emplace_back(block.segment, block.offset);
  }
  void Write() const { log.Write(directory.store()); }

  v1::Evidence Call(uint64_t id, const std::vector<size_t>& in) {
    std::vector<Position> positions;
    positions.reserve(in.size());
    for (const size_t block : in) positions.push_back(blocks[block]);
    const auto evidence = BuildCallEvidence(StoreLayout(directory.store()), keys, id, positions);
    INFO(evidence.status().message());
    REQUIRE(evidence.ok());
    return *evidence;
  }
  v1::Evidence Answer(const std::vector<ListedCall>& calls) {
    const auto evidence = BuildAnswerEvidence(StoreLayout(directory.store()), calls);
    INFO(evidence.status().message());
    REQUIRE(evidence.ok());
    return *evidence;
  }

  absl::StatusOr<ProvenEvidence> Check(const v1::Evidence& evidence) const {
    return VerifyEvidence(evidence, *VerifierKey::Parse(KeyOf(keys)));
  }
  ProvenCall Proven(const v1::Evidence& evidence) const {
    const auto proven = Check(evidence);
    INFO(proven.status().message());
    REQUIRE(proven.ok());
    return std::get<ProvenCall>(proven->about);
  }
  ProvenAnswer ProvenList(const v1::Evidence& evidence) const {
    const auto proven = Check(evidence);
    INFO(proven.status().message());
    REQUIRE(proven.ok());
    return std::get<ProvenAnswer>(proven->about);
  }
  // Why nothing is proved.
  std::string Wrong(const v1::Evidence& evidence) const {
    const auto proven = Check(evidence);
    REQUIRE_FALSE(proven.ok());
    return std::string(proven.status().message());
  }

  // By hand, whatever is in the block.
  std::string HeaderOf(const ForgedStore::Block& block) {
    return log.segment(block.segment).substr(block.offset, kBlockHeaderSize);
  }
  v1::ProvenLeaf LeafOf(const ForgedStore::Block& block) {
    const std::string_view bytes = std::string_view(log.segment(block.segment)).substr(block.offset, block.size);
    const uint64_t stored = LittleEndian(bytes.data() + 32, 4);
    const std::string_view directory =
        bytes.substr(kBlockHeaderSize, block.size - kBlockHeaderSize - stored - LittleEndian(bytes.data() + 60, 4));
    const std::string_view body = bytes.substr(kBlockHeaderSize + directory.size(), stored);
    v1::ProvenLeaf leaf;
    leaf.set_header(std::string(bytes.substr(0, kBlockHeaderSize)));
    leaf.set_directory(std::string(directory));
    leaf.set_body_hash(std::string(AsText(Sha256({body}))));
    leaf.set_parts_hash(std::string(AsText(Sha256({}))));
    return leaf;
  }
  v1::ProvenLeaf LeafOfSegment(uint64_t segment) {
    v1::ProvenLeaf leaf;
    leaf.set_header(log.segment(segment).substr(0, kSegmentHeaderSize));
    return leaf;
  }
  // The hashes that stand for the leaves [begin, end).
  void AddTiles(uint64_t begin, uint64_t end, google::protobuf::RepeatedPtrField<std::string>& to) const {
    CompactRange range(begin);
    for (uint64_t i = begin; i < end; ++i) range.Append(log.leaves()[i]);
    for (const Hash& node : range.nodes()) *to.Add() = std::string(AsText(node));
  }
  // That a block is in the log, and nothing of what is in it.
  v1::ProvenBlock EmptyBlock(const ForgedStore::Block& block) {
    v1::ProvenBlock proven;
    proven.set_header(HeaderOf(block));
    Prover prover([&](uint64_t first, absl::Span<Hash> out) {
      std::copy_n(log.leaves().begin() + static_cast<std::ptrdiff_t>(first), out.size(), out.begin());
      return absl::OkStatus();
    });
    const uint64_t leaf = LittleEndian(proven.header().data() + 40, 8);
    const std::vector<Hash> path = prover.Inclusion(leaf, log.size()).value();
    for (const Hash& hash : path) proven.add_inclusion(std::string(AsText(hash)));
    return proven;
  }

  std::vector<Position> blocks;
};

inline bool Has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_VERIFY_EVIDENCE_FIXTURE_H_
