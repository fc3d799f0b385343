#include "recorder/verify/call_proof.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/proofs.h"
#include "recorder/verify/body_opener.h"
#include "recorder/verify/evidence_parts.h"
#include "recorder/verify/header_check.h"
#include "recorder/verify/part_opener.h"
#include "recorder/verify/subtree_stack.h"

namespace sallyport::recorder {
namespace {

// The payloads of one file are opened up to so many bytes together.
constexpr uint64_t kMostOpened = uint64_t{1} << 30;

// Checks what is in a block of a call's evidence and hands its entries on. `next_leaf` is the first that may come.
absl::Status CheckBlock(const v1::ProvenBlock& proven, const Checkpoint& checkpoint, uint64_t& next_leaf,
                        CheckedBlock& block) {
  if (proven.header().size() != kBlockHeaderSize) return Wrong("the header has not 136 bytes");
  if (auto bad = CheckBlockHeader(proven.header(), std::nullopt, block)) {
    return absl::InvalidArgumentError(absl::StrCat("byte ", bad->offset, " of the header: ", bad->text));
  }
  if (block.type != BlockType::kEntries) return Wrong("it holds no entries");
  if (block.leaf_index < next_leaf) return Wrong("the blocks are not in the order of the log");
  next_leaf = block.leaf_index + 1;
  const absl::StatusOr<std::vector<Hash>> path = ToHashes(proven.inclusion());
  if (!path.ok()) return path.status();
  const absl::Status included =
      VerifyInclusion(SubtreeStack::Leaf(proven.header()), block.leaf_index, checkpoint.size, *path, checkpoint.root);
  return included.ok() ? included : Prefixed("the block is not in the signed log", included);
}

absl::Status CheckEntry(const v1::ProvenEntry& proven, const CheckedBlock& block) {
  if (proven.salt().size() != kSaltSize) return Wrong("the salt has not 16 bytes");
  if (proven.index() >= block.entries) return Wrong("the block has fewer entries");
  const absl::StatusOr<std::vector<Hash>> path = ToHashes(proven.inclusion());
  if (!path.ok()) return path.status();
  const absl::Status included = VerifyInclusion(EntryLeaf(proven.salt(), proven.entry()), proven.index(), block.entries,
                                                *path, block.entries_root);
  return included.ok() ? included : Prefixed("it is not in its block", included);
}

// Takes the blocks and entries of one call one after another.
class CallProof {
 public:
  CallProof(const v1::CallEvidence& evidence, const Checkpoint& checkpoint)
      : evidence_(evidence), checkpoint_(checkpoint) {
    proven_.complete = true;
  }

  absl::StatusOr<ProvenCall> Check() {
    for (int i = 0; i < evidence_.blocks_size(); ++i) {
      const absl::Status status = TakeBlock(evidence_.blocks(i));
      if (!status.ok()) return Prefixed(absl::StrCat("block ", i), status);
    }
    return Finish();
  }

 private:
  absl::Status TakeBlock(const v1::ProvenBlock& proven) {
    CheckedBlock block;
    if (absl::Status status = CheckBlock(proven, checkpoint_, next_leaf_, block); !status.ok()) return status;
    if (call_.ended()) return Wrong("the call had ended before");
    int64_t last_index = -1;
    for (const v1::ProvenEntry& entry : proven.entries()) {
      absl::Status status = CheckEntry(entry, block);
      if (status.ok() && entry.index() <= last_index) status = Wrong("the entries are not in the order of the block");
      if (status.ok()) status = TakeEntry(entry);
      if (!status.ok()) return Prefixed(absl::StrCat("entry ", entry.index()), status);
      last_index = entry.index();
    }
    if (absl::Status status = CheckCounts(proven, block); !status.ok()) return status;
    last_block_ = block.position;
    last_format_ = block.format;
    return absl::OkStatus();
  }

  absl::Status TakeEntry(const v1::ProvenEntry& proven) {
    v1::Entry entry;
    if (!entry.ParseFromString(proven.entry())) return Wrong("it is no entry");
    const bool known = entry.event_case() != v1::Entry::EVENT_NOT_SET;
    if (!known && entry.GetReflection()->GetUnknownFields(entry).empty()) return Wrong("it is no entry");
    if (entry.call_id() != evidence_.call_id()) return Wrong("it is of another call");
    if (proven_.entries == 0 && !entry.has_start()) return Wrong("the first entry is not the call's start");
    if (const std::string wrong = call_.Take(entry); !wrong.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("with it the call ", wrong));
    }
    if (absl::Status status = TakePart(proven, entry); !status.ok()) return status;
    ++proven_.entries;
    proven_.unknown += known ? 0 : 1;
    proven_.shortened += entry.frame().shortened() ? 1 : 0;
    proven_.record.push_back(std::move(entry));
    return absl::OkStatus();
  }

  // Puts the payload back that stands apart from its entry.
  absl::Status TakePart(const v1::ProvenEntry& proven, v1::Entry& entry) {
    if (!entry.has_frame() || !entry.frame().has_part()) {
      return proven.part().empty() ? absl::OkStatus() : Wrong("it has no part, and one is there");
    }
    const v1::PayloadPart& part = entry.frame().part();
    if (!entry.frame().payload().empty()) return Wrong("it has a payload and a part");
    if (!part.key().empty() && part.length() > kMostOpened - opened_) return Wrong("its payload is too large");
    std::string payload;
    if (const auto wrong = OpenPart(part, proven.part(), payload)) return Wrong(*wrong);
    if (part.key().empty()) {
      ++proven_.unopened;
      return absl::OkStatus();
    }
    opened_ += payload.size();
    entry.mutable_frame()->set_payload(std::move(payload));
    entry.mutable_frame()->clear_part();
    return absl::OkStatus();
  }

  // Whether all entries of the call in the block are there, and no block before it was left out.
  absl::Status CheckCounts(const v1::ProvenBlock& proven, const CheckedBlock& block) {
    if (block.format == 2) proven_.complete = false;
    // Files of version 1 have no directories.
    if (block.format == 2 && proven.directory().empty()) return absl::OkStatus();
    const absl::Status directory = CheckDirectoryOf(block, proven.directory(), proven.body_hash(), proven.parts_hash());
    if (!directory.ok()) return directory;
    const std::optional<CheckedDirectoryLine> line = FindLine(block, proven.directory(), evidence_.call_id());
    if (!line.has_value()) return Wrong("its directory does not name the call");
    if (line->previous != last_block_) {
      return Wrong(last_block_.set() ? "entries are missing: a block between it and the one before holds some"
                                     : "entries are missing: a block before it holds some");
    }
    if (block.format == 2) return absl::OkStatus();
    if (line->ends && !call_.ended()) return Wrong("the call's end is in it, and was left out");
    if (line->entries != static_cast<uint32_t>(proven.entries_size())) {
      return absl::InvalidArgumentError(absl::StrCat("entries are missing: it holds ", line->entries,
                                                     " of the call, and ", proven.entries_size(), " are here"));
    }
    return absl::OkStatus();
  }

  // Whether every block behind the last one is shown, and none holds entries of the call.
  absl::Status CheckLater() const {
    if (last_format_ == 2) return absl::OkStatus();
    if (next_leaf_ == checkpoint_.size && evidence_.later().empty()) return absl::OkStatus();
    const absl::StatusOr<std::vector<Hash>> before = ToHashes(evidence_.before());
    if (!before.ok()) return before.status();
    SubtreeStack tree;
    if (!tree.PushTiles(next_leaf_, *before)) return NotShown();
    for (const v1::ProvenLeaf& leaf : evidence_.later()) {
      ShownLeaf shown;
      if (absl::Status status = shown.Check(leaf, tree.end()); !status.ok()) {
        return Prefixed(absl::StrCat("leaf ", tree.end()), status);
      }
      if (FindLine(shown.block, leaf.directory(), evidence_.call_id()).has_value()) {
        return absl::InvalidArgumentError(
            absl::StrCat("entries are missing: the block at leaf ", tree.end(), " holds some of the call"));
      }
      tree.PushData(leaf.header());
    }
    if (tree.end() != checkpoint_.size) return NotShown();
    return tree.Root() == checkpoint_.root ? absl::OkStatus() : Wrong("the later blocks are not in the signed log");
  }

  absl::Status NotShown() const {
    return absl::InvalidArgumentError(
        absl::StrCat("the call's end is not here, and the file does not show every block from leaf ", next_leaf_,
                     " to the log's size ", checkpoint_.size, ": whether the call had ended is not proved"));
  }

  absl::StatusOr<ProvenCall> Finish() {
    if (proven_.entries == 0) return Wrong("there are no entries");
    proven_.ended = call_.ended();
    if (call_.ended()) {
      if (const std::string wrong = call_.CheckEnd(); !wrong.empty()) {
        return absl::InvalidArgumentError(absl::StrCat("the call ", wrong, ": entries are missing"));
      }
    } else if (absl::Status status = CheckLater(); !status.ok()) {
      return status;
    }
    proven_.stated = call_.stated();
    return std::move(proven_);
  }

  const v1::CallEvidence& evidence_;
  const Checkpoint& checkpoint_;
  CallPart call_;
  ProvenCall proven_;
  uint64_t next_leaf_ = 0;
  Position last_block_;
  uint16_t last_format_ = 0;
  uint64_t opened_ = 0;
};

}  // namespace

absl::StatusOr<ProvenCall> CheckCallEvidence(const v1::CallEvidence& evidence, const Checkpoint& checkpoint) {
  return CallProof(evidence, checkpoint).Check();
}

}  // namespace sallyport::recorder
