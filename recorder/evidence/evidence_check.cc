// The half of evidence.h that needs no store.
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/call_id.h"
#include "recorder/evidence/body_opener.h"
#include "recorder/evidence/evidence.h"
#include "recorder/evidence/header_check.h"
#include "recorder/evidence/proofs.h"
#include "recorder/evidence/subtree_stack.h"
#include "recorder/evidence/unchecked_checkpoint.h"
#include "recorder/text.h"

namespace sallyport::recorder {
namespace {

constexpr uint32_t kVersion = 1;

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

// Takes the entries of one call one after another.
class CallProof {
 public:
  explicit CallProof(uint64_t call_id) : call_id_(call_id) {}

  absl::Status Take(const std::string& bytes) {
    v1::Entry entry;
    if (!entry.ParseFromString(bytes) || entry.event_case() == v1::Entry::EVENT_NOT_SET) return Wrong("it is no entry");
    if (entry.call_id() != call_id_) return Wrong("it is of another call");
    if (proven_.entries == 0 && !entry.has_start()) return Wrong("the first entry is not the call's start");
    if (const std::string wrong = call_.Take(entry); !wrong.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("with it the call ", wrong));
    }
    ++proven_.entries;
    proven_.record.push_back(std::move(entry));
    return absl::OkStatus();
  }

  absl::StatusOr<ProvenCall> Finish() {
    if (proven_.entries == 0) return Wrong("there are no entries");
    proven_.open = !call_.ended();
    if (call_.ended()) {
      if (const std::string wrong = call_.CheckEnd(); !wrong.empty()) {
        return absl::InvalidArgumentError(absl::StrCat("the call ", wrong, ": entries are missing"));
      }
    }
    proven_.facts = call_.facts();
    return std::move(proven_);
  }

 private:
  const uint64_t call_id_;
  CallPart call_;
  ProvenCall proven_;
};

absl::StatusOr<ProvenCall> CheckCall(const v1::CallEvidence& evidence, const Checkpoint& checkpoint) {
  CallProof proof(evidence.call_id());
  uint64_t next_leaf = 0;
  int block_number = 0;
  for (const v1::ProvenBlock& proven : evidence.blocks()) {
    CheckedBlock block;
    const std::string where = absl::StrCat("block ", block_number++);
    if (absl::Status status = CheckBlock(proven, checkpoint, next_leaf, block); !status.ok()) {
      return Prefixed(where, status);
    }
    int64_t last_index = -1;
    for (const v1::ProvenEntry& entry : proven.entries()) {
      absl::Status status = CheckEntry(entry, block);
      if (status.ok() && entry.index() <= last_index) status = Wrong("the entries are not in the order of the block");
      if (status.ok()) status = proof.Take(entry.entry());
      if (!status.ok()) return Prefixed(absl::StrCat(where, ", entry ", entry.index()), status);
      last_index = entry.index();
    }
  }
  return proof.Finish();
}

// Checks a leaf of an answer's run and collects the calls its directory names.
absl::Status CheckLeaf(const v1::ProvenLeaf& leaf, uint64_t index, ProvenAnswer& proven, std::set<uint64_t>& named) {
  if (leaf.header().size() == kSegmentHeaderSize) {
    if (leaf.directory().empty() && leaf.body_hash().empty()) return absl::OkStatus();
    return Wrong("a segment's header has no directory");
  }
  CheckedBlock block;
  if (leaf.header().size() != kBlockHeaderSize) return Wrong("the header has neither 128 nor 136 bytes");
  if (auto bad = CheckBlockHeader(leaf.header(), std::nullopt, block)) {
    return absl::InvalidArgumentError(absl::StrCat("byte ", bad->offset, " of the header: ", bad->text));
  }
  if (block.leaf_index != index) return Wrong("its header names another place in the log");
  Hash body;
  if (!ToHash(leaf.body_hash(), body)) return Wrong("the hash of its body has not 32 bytes");
  const Hash directory = Sha256({leaf.directory()});
  if (leaf.directory().size() != block.directory_size() ||
      Sha256({AsText(directory), AsText(body)}) != block.payload_hash) {
    return Wrong("the directory is not the one the header commits to");
  }
  for (uint32_t i = 0; i < block.calls; ++i) named.insert(DirectoryLine(leaf.directory(), i).call_id);
  if (block.type == BlockType::kEntries) ++proven.blocks;
  proven.entries += block.entries;
  return absl::OkStatus();
}

absl::Status CheckIds(const ProvenAnswer& proven, const std::set<uint64_t>& named) {
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
  for (const uint64_t id : named) {
    if (told.count(id) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("call ", FormatId(id), " has entries in this part of the log, and was left out"));
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
  std::set<uint64_t> named;
  for (const v1::ProvenLeaf& leaf : evidence.leaves()) {
    if (absl::Status status = CheckLeaf(leaf, tree.end(), proven, named); !status.ok()) {
      return Prefixed(absl::StrCat("leaf ", tree.end()), status);
    }
    tree.PushData(leaf.header());
  }
  proven.end_leaf = tree.end();
  if (!tree.PushTiles(checkpoint.size, *behind)) return Wrong("the hashes behind the run do not fit the signed size");
  if (tree.Root() != checkpoint.root) return Wrong("the run is not in the signed log, or not without a gap");
  proven.listed.assign(evidence.listed().begin(), evidence.listed().end());
  proven.others.assign(evidence.others().begin(), evidence.others().end());
  if (absl::Status status = CheckIds(proven, named); !status.ok()) return status;
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
  if (evidence.version() != kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("evidence of version ", evidence.version(), ", which this program does not know"));
  }
  return evidence;
}

absl::StatusOr<ProvenEvidence> VerifyEvidence(const v1::Evidence& evidence, const VerifierKey& key) {
  if (evidence.version() != kVersion) return Wrong("evidence of a version that this program does not know");
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
      absl::StatusOr<ProvenCall> call = CheckCall(evidence.call(), checkpoint);
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
