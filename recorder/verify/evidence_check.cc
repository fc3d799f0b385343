#include "recorder/verify/evidence_check.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/proofs.h"
#include "recorder/crypto/text.h"
#include "recorder/format/call_id.h"
#include "recorder/format/unchecked_checkpoint.h"
#include "recorder/verify/body_opener.h"
#include "recorder/verify/header_check.h"
#include "recorder/verify/part_opener.h"
#include "recorder/verify/subtree_stack.h"

namespace sallyport::recorder {
namespace {

// What is written, and what was written before.
constexpr uint32_t kVersion = 2;
constexpr uint32_t kOldestVersion = 1;
// The payloads of one file are opened up to so many bytes together.
constexpr uint64_t kMostOpened = uint64_t{1} << 30;

absl::Status Wrong(std::string_view what) { return absl::InvalidArgumentError(View(what)); }

bool ToHash(const std::string& bytes, Hash& hash) {
  if (bytes.size() != hash.size()) return false;
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return true;
}

absl::StatusOr<std::vector<Hash>> ToHashes(const google::protobuf::RepeatedPtrField<std::string>& all) {
  if (all.size() > static_cast<int>(kMaxProofHashes) * 2) return Wrong("a proof has too many hashes");
  std::vector<Hash> hashes(static_cast<size_t>(all.size()));
  for (int i = 0; i < all.size(); ++i) {
    if (!ToHash(all[i], hashes[static_cast<size_t>(i)])) return Wrong("a hash has not 32 bytes");
  }
  return hashes;
}

absl::Status Prefixed(std::string_view where, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(View(where), ": ", status.message()));
}

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

// Checks that the header commits to this directory.
absl::Status CheckDirectoryOf(const CheckedBlock& block, const std::string& directory, const std::string& body_hash,
                              const std::string& parts_hash) {
  Hash body = {};
  Hash parts = {};
  if (!ToHash(body_hash, body)) return Wrong("the hash of its body has not 32 bytes");
  if (block.format != 2 && !ToHash(parts_hash, parts)) return Wrong("the hash of its table of parts has not 32 bytes");
  if (directory.size() != block.directory_size() || !FitsPayloadHash(block, directory, body, parts)) {
    return Wrong("the directory is not the one the header commits to");
  }
  return absl::OkStatus();
}

// What a directory says of a call; nothing if it does not name it.
std::optional<CheckedDirectoryLine> FindLine(const CheckedBlock& block, std::string_view directory, uint64_t call_id) {
  for (uint32_t i = 0; i < block.calls; ++i) {
    const CheckedDirectoryLine line = DirectoryLine(block, directory, i);
    if (line.call_id == call_id) return line;
  }
  return std::nullopt;
}

// One leaf of a run.
struct ShownLeaf {
  CheckedBlock block;  // a segment's header is as a block without entries

  // Checks that it is the leaf of this index.
  absl::Status Check(const v1::ProvenLeaf& leaf, uint64_t index) {
    if (leaf.header().size() == kSegmentHeaderSize) {
      if (leaf.directory().empty() && leaf.body_hash().empty() && leaf.parts_hash().empty()) return absl::OkStatus();
      return Wrong("a segment's header has no directory");
    }
    if (leaf.header().size() != kBlockHeaderSize) return Wrong("the header has neither 128 nor 136 bytes");
    if (auto bad = CheckBlockHeader(leaf.header(), std::nullopt, block)) {
      return absl::InvalidArgumentError(absl::StrCat("byte ", bad->offset, " of the header: ", bad->text));
    }
    if (block.leaf_index != index) return Wrong("its header names another place in the log");
    return CheckDirectoryOf(block, leaf.directory(), leaf.body_hash(), leaf.parts_hash());
  }
};

// Takes the blocks and entries of one call one after another.
class CallProof {
 public:
  CallProof(const v1::CallEvidence& evidence, const Checkpoint& checkpoint)
      : evidence_(evidence), checkpoint_(checkpoint) {
    proven_.complete = true;
  }

  absl::StatusOr<ProvenCall> Run() {
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

// What the directories of a run say of one call.
struct CallInRun {
  bool begins = false;
  CheckedDirectoryLine last;
  bool last_counts = false;  // is of a format that says whether the call ends
};

absl::Status CheckIds(const ProvenAnswer& proven, const std::map<uint64_t, CallInRun>& named) {
  std::set<uint64_t> told;
  for (const std::vector<uint64_t>* ids : {&proven.listed, &proven.others}) {
    for (const uint64_t id : *ids) {
      if (!told.insert(id).second)
        return absl::InvalidArgumentError(absl::StrCat("call ", FormatId(id), " is there twice"));
      if (named.count(id) == 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("call ", FormatId(id), " has no entries in this part of the log"));
      }
    }
  }
  for (const auto& [id, call] : named) {
    if (told.count(id) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("call ", FormatId(id), " has entries in this part of the log, and was left out"));
    }
  }
  return absl::OkStatus();
}

// Each listed call must begin in the run, and end in it unless the run goes up to the log's size.
absl::Status CheckListed(const std::map<uint64_t, CallInRun>& named, bool to_the_end, ProvenAnswer& proven) {
  for (const uint64_t id : proven.listed) {
    const CallInRun& call = named.at(id);
    if (!call.begins) {
      return absl::InvalidArgumentError(absl::StrCat("call ", FormatId(id), " begins before this part of the log"));
    }
    if (!call.last_counts) {
      proven.unknown.push_back(id);
    } else if (!call.last.ends) {
      if (!to_the_end) {
        return absl::InvalidArgumentError(
            absl::StrCat("call ", FormatId(id), " does not end in this part of the log, which does not go up to the ",
                         "log's size: whether it had ended is not proved"));
      }
      proven.open.push_back(id);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ProvenAnswer> CheckAnswer(const v1::AnswerEvidence& evidence, const Checkpoint& checkpoint) {
  const absl::StatusOr<std::vector<Hash>> before = ToHashes(evidence.before());
  if (!before.ok()) return before.status();
  const absl::StatusOr<std::vector<Hash>> behind = ToHashes(evidence.behind());
  if (!behind.ok()) return behind.status();
  SubtreeStack tree;
  if (!tree.PushTiles(evidence.first_leaf(), *before)) return Wrong("the hashes before the run do not fit its place");
  ProvenAnswer proven;
  proven.first_leaf = evidence.first_leaf();
  std::map<uint64_t, CallInRun> named;
  for (const v1::ProvenLeaf& leaf : evidence.leaves()) {
    ShownLeaf shown;
    if (absl::Status status = shown.Check(leaf, tree.end()); !status.ok()) {
      return Prefixed(absl::StrCat("leaf ", tree.end()), status);
    }
    for (uint32_t i = 0; i < shown.block.calls; ++i) {
      const CheckedDirectoryLine line = DirectoryLine(shown.block, leaf.directory(), i);
      CallInRun& call = named[line.call_id];
      call.begins = call.begins || !line.previous.set();
      call.last = line;
      call.last_counts = shown.block.format != 2;
    }
    if (shown.block.entries != 0) ++proven.blocks;
    proven.entries += shown.block.entries;
    tree.PushData(leaf.header());
  }
  proven.end_leaf = tree.end();
  if (!tree.PushTiles(checkpoint.size, *behind)) return Wrong("the hashes behind the run do not fit the signed size");
  if (tree.Root() != checkpoint.root) return Wrong("the run is not in the signed log, or not without a gap");
  proven.listed.assign(evidence.listed().begin(), evidence.listed().end());
  proven.others.assign(evidence.others().begin(), evidence.others().end());
  if (absl::Status status = CheckIds(proven, named); !status.ok()) return status;
  if (absl::Status status = CheckListed(named, proven.end_leaf == checkpoint.size, proven); !status.ok()) return status;
  return proven;
}

}  // namespace

std::string FormatEvidence(const v1::Evidence& evidence) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  // Fails only for messages that hold an Any.
  if (!google::protobuf::util::MessageToJsonString(evidence, &text, options).ok()) text.clear();
  return text;
}

absl::StatusOr<v1::Evidence> ParseEvidence(std::string_view text) {
  v1::Evidence evidence;
  const auto status = google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &evidence);
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("not evidence: ",
                     View(std::string_view(status.message().data(), std::min<size_t>(status.message().size(), 300)))));
  }
  if (evidence.version() < kOldestVersion || evidence.version() > kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("evidence of version ", evidence.version(), ", which this program does not know"));
  }
  return evidence;
}

absl::StatusOr<ProvenEvidence> VerifyEvidence(const v1::Evidence& evidence, const VerifierKey& key) {
  if (evidence.version() < kOldestVersion || evidence.version() > kVersion)
    return Wrong("evidence of a version that this program does not know");
  const absl::StatusOr<UncheckedCheckpoint> note = UncheckedCheckpoint::Parse(evidence.checkpoint());
  if (!note.ok()) return Prefixed("the checkpoint", note.status());
  if (absl::Status status = note->CheckSignature(key); !status.ok()) return Prefixed("the checkpoint", status);
  const Checkpoint& checkpoint = note->checkpoint;
  if (evidence.origin() != checkpoint.origin) return Wrong("the checkpoint is of another log than the evidence");
  if (checkpoint.origin != key.name()) return Wrong("the checkpoint is of another log than the key");
  ProvenEvidence proven;
  proven.origin = checkpoint.origin;
  proven.size = checkpoint.size;
  switch (evidence.about_case()) {
    case v1::Evidence::kCall: {
      absl::StatusOr<ProvenCall> call = CallProof(evidence.call(), checkpoint).Run();
      if (!call.ok()) return call.status();
      proven.about = *std::move(call);
      return proven;
    }
    case v1::Evidence::kAnswer: {
      absl::StatusOr<ProvenAnswer> answer = CheckAnswer(evidence.answer(), checkpoint);
      if (!answer.ok()) return answer.status();
      proven.about = *std::move(answer);
      return proven;
    }
    case v1::Evidence::ABOUT_NOT_SET:
      break;
  }
  return Wrong("the evidence is about nothing");
}

}  // namespace sallyport::recorder
