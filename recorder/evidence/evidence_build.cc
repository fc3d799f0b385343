#include <algorithm>
#include <map>
#include <utility>

#include "recorder/crypto/proofs.h"
#include "recorder/crypto/text.h"
#include "recorder/evidence/block_source.h"
#include "recorder/evidence/evidence.h"
#include "recorder/evidence/signed_leaves.h"
#include "recorder/log/call_chain.h"
#include "recorder/verify/body_opener.h"
#include "recorder/verify/header_check.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {
namespace {

constexpr uint32_t kVersion = 2;
// Evidence that would show more of the log than this is not made.
constexpr uint64_t kMostShown = uint64_t{256} << 20;

std::string ToBytes(const Hash& hash) { return std::string(AsText(hash)); }

// Adds the entries of a call that are in an opened block.
absl::Status AddEntries(uint64_t call_id, const OpenedBody& body, const CheckedPayload& payload, Position at,
                        v1::ProvenBlock& proven) {
  Prover prover([&](uint64_t first, absl::Span<Hash> out) {
    std::copy_n(body.leaves.begin() + static_cast<std::ptrdiff_t>(first), out.size(), out.begin());
    return absl::OkStatus();
  });
  for (size_t i = 0; i < body.entries.size(); ++i) {
    v1::Entry entry;
    if (!entry.ParseFromArray(body.entries[i].data(), static_cast<int>(body.entries[i].size()))) {
      return DamageAt(at, "the block holds something that is no entry");
    }
    if (entry.call_id() != call_id) continue;
    v1::ProvenEntry& added = *proven.add_entries();
    added.set_index(static_cast<uint32_t>(i));
    added.set_salt(std::string(body.salts[i]));
    added.set_entry(std::string(body.entries[i]));
    const absl::StatusOr<std::vector<Hash>> path = prover.Inclusion(i, body.entries.size());
    if (!path.ok()) return path.status();
    for (const Hash& hash : *path) added.add_inclusion(ToBytes(hash));
    if (!entry.frame().has_part()) continue;
    const uint32_t part = entry.frame().part().index();
    if (part >= payload.parts.size()) return DamageAt(at, "an entry names a part that the block does not have");
    added.set_part(std::string(payload.parts[part]));
  }
  return proven.entries().empty() ? DamageAt(at, "the block has no entry of the call") : absl::OkStatus();
}

// What a run of leaves shows.
struct ShownRun {
  google::protobuf::RepeatedPtrField<v1::ProvenLeaf>& leaves;
  uint64_t bytes = 0;
  // Of each call named, the line in the last block that names it, and where that is.
  struct Named {
    CheckedDirectoryLine line;
    Position block;
  };
  std::map<uint64_t, Named> named = {};
};

// Adds what is at `at`, a segment's header or a block, and goes on to what follows.
absl::Status AddLeaf(BlockSource& source, Position& at, ShownRun& run) {
  v1::ProvenLeaf& leaf = *run.leaves.Add();
  if (at.offset() == 0) {
    const absl::StatusOr<std::string_view> header = source.Read(at, kSegmentHeaderSize);
    if (!header.ok()) return header.status();
    leaf.set_header(std::string(*header));
    at = {at.segment(), kSegmentHeaderSize};
    return absl::OkStatus();
  }
  const absl::StatusOr<BlockSource::Block> block = source.ReadBlock(at);
  if (!block.ok()) return block.status();
  leaf.set_header(std::string(block->header));
  leaf.set_directory(std::string(block->payload.directory));
  leaf.set_body_hash(ToBytes(Sha256({block->payload.body})));
  if (block->checked.format != 2) leaf.set_parts_hash(ToBytes(Sha256({block->payload.part_table})));
  for (uint32_t i = 0; i < block->checked.calls; ++i) {
    const CheckedDirectoryLine line = DirectoryLine(block->checked, block->payload.directory, i);
    run.named[line.call_id] = {line, block->checked.position};
  }
  run.bytes += kBlockHeaderSize + block->payload.directory.size();
  if (run.bytes > kMostShown) {
    return absl::ResourceExhaustedError(
        "the evidence would have to show too much of the log, because it went on for so long after a call that has not "
        "ended, or between the calls");
  }
  at = block->checked.type == BlockType::kFooter ? Position(at.segment() + 1, 0) : block->end;
  return absl::OkStatus();
}

// What all evidence begins with.
v1::Evidence EvidenceUnder(const SignedLeaves& leaves) {
  v1::Evidence evidence;
  evidence.set_version(kVersion);
  evidence.set_origin(leaves.checkpoint().origin);
  evidence.set_checkpoint(leaves.Note());
  return evidence;
}

// Goes on with the run up to the checkpoint's size.
absl::Status AddUpToCheckpoint(const SignedLeaves& leaves, BlockSource& source, uint64_t first_leaf, Position& at,
                               ShownRun& run) {
  while (first_leaf + static_cast<uint64_t>(run.leaves.size()) < leaves.checkpoint().size) {
    if (absl::Status status = AddLeaf(source, at, run); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// A call's evidence while it is made.
class CallBuilder {
 public:
  CallBuilder(SignedLeaves& leaves, const StoreLayout& layout, StoreKeys& keys, v1::CallEvidence& call)
      : leaves_(leaves), source_(layout), openers_(keys), call_(call) {}

  // Adds the block that stands there. FAILED_PRECONDITION if it is not under the checkpoint.
  absl::Status Add(Position at);
  // Whether the call goes on behind the block added last, as far as that says.
  bool open() const { return open_; }
  // Shows every leaf behind the block added last. A block among them that holds entries of the call, which is set then,
  // has to be added first.
  absl::Status AddLater(Position& missed);

 private:
  SignedLeaves& leaves_;
  BlockSource source_;
  BodyOpeners openers_;
  v1::CallEvidence& call_;
  OpenedBody body_;
  bool open_ = false;
  uint64_t next_leaf_ = 0;
  Position behind_;
};

absl::Status CallBuilder::Add(Position at) {
  const absl::StatusOr<BlockSource::Block> block = source_.ReadBlock(at);
  if (!block.ok()) return block.status();
  const CheckedBlock& header = block->checked;
  if (absl::Status status = leaves_.Covers(header.leaf_index); !status.ok()) return status;
  const absl::StatusOr<Prover*> prover = leaves_.MakeProver();
  if (!prover.ok()) return prover.status();
  const absl::StatusOr<std::vector<Hash>> path = (*prover)->Inclusion(header.leaf_index, leaves_.checkpoint().size);
  if (!path.ok()) return path.status();
  const absl::StatusOr<BodyOpener*> opener = openers_.For(at.segment());
  if (!opener.ok()) return opener.status();
  if (auto wrong = (*opener)->Open(block->header, header, block->payload.body, body_)) return DamageAt(at, *wrong);
  v1::ProvenBlock& proven = *call_.add_blocks();
  proven.set_header(std::string(block->header));
  proven.set_directory(std::string(block->payload.directory));
  proven.set_body_hash(ToBytes(Sha256({block->payload.body})));
  if (header.format != 2) proven.set_parts_hash(ToBytes(Sha256({block->payload.part_table})));
  for (const Hash& hash : *path) proven.add_inclusion(ToBytes(hash));
  // Of a call in format 2 nothing shows that it has not ended.
  open_ = header.format != 2;
  for (uint32_t i = 0; i < header.calls; ++i) {
    const CheckedDirectoryLine line = DirectoryLine(header, block->payload.directory, i);
    if (line.call_id == call_.call_id() && line.ends) open_ = false;
  }
  next_leaf_ = header.leaf_index + 1;
  behind_ = block->end;
  return AddEntries(call_.call_id(), body_, block->payload, at, proven);
}

absl::Status CallBuilder::AddLater(Position& missed) {
  ShownRun run{*call_.mutable_later()};
  Position at = behind_;
  if (absl::Status status = AddUpToCheckpoint(leaves_, source_, next_leaf_, at, run); !status.ok()) return status;
  const auto found = run.named.find(call_.call_id());
  missed = found == run.named.end() ? Position() : found->second.block;
  if (missed.set()) {
    call_.clear_later();
    return absl::OkStatus();
  }
  const absl::StatusOr<std::vector<Hash>> before = leaves_.Tiles(0, next_leaf_);
  if (!before.ok()) return before.status();
  for (const Hash& hash : *before) call_.add_before(ToBytes(hash));
  return absl::OkStatus();
}

absl::StatusOr<v1::Evidence> BuildCall(SignedLeaves& leaves, const StoreLayout& layout, StoreKeys& keys,
                                       uint64_t call_id, absl::Span<const Position> blocks) {
  v1::Evidence evidence = EvidenceUnder(leaves);
  v1::CallEvidence& call = *evidence.mutable_call();
  call.set_call_id(call_id);
  CallBuilder builder(leaves, layout, keys, call);
  for (const Position at : blocks) {
    if (absl::Status status = builder.Add(at); !status.ok()) return status;
  }
  if (!builder.open()) return evidence;
  Position missed;
  if (absl::Status status = builder.AddLater(missed); !status.ok()) return status;
  if (!missed.set()) return evidence;
  // The call went on since its blocks were looked up.
  CallChain chain(layout, keys);
  const absl::StatusOr<std::vector<Position>> all = chain.Blocks(call_id, missed);
  if (!all.ok()) return all.status();
  return BuildCall(leaves, layout, keys, call_id, *all);
}

absl::StatusOr<v1::Evidence> BuildAnswer(SignedLeaves& leaves, const StoreLayout& layout,
                                         absl::Span<const ListedCall> calls) {
  v1::Evidence evidence = EvidenceUnder(leaves);
  v1::AnswerEvidence& answer = *evidence.mutable_answer();
  ShownRun run{*answer.mutable_leaves()};
  if (!calls.empty()) {
    Position at = calls.front().first;
    Position last;
    for (const ListedCall& call : calls) {
      at = std::min(at, call.first);
      last = std::max(last, call.last);
      answer.add_listed(call.id);
    }
    BlockSource source(layout);
    const absl::StatusOr<BlockSource::Block> first = source.ReadBlock(at);
    if (!first.ok()) return first.status();
    answer.set_first_leaf(first->checked.leaf_index);
    while (at <= last) {
      if (absl::Status status = AddLeaf(source, at, run); !status.ok()) return status;
    }
    const bool open = std::any_of(calls.begin(), calls.end(), [&](const ListedCall& call) {
      const CheckedDirectoryLine& line = run.named[call.id].line;
      return line.entries != 0 && !line.ends;
    });
    if (open) {
      const absl::Status status = AddUpToCheckpoint(leaves, source, answer.first_leaf(), at, run);
      if (!status.ok()) return status;
    }
  }
  const uint64_t end = answer.first_leaf() + static_cast<uint64_t>(answer.leaves_size());
  if (end != 0) {
    if (absl::Status status = leaves.Covers(end - 1); !status.ok()) return status;
  }
  const absl::StatusOr<std::vector<Hash>> before = leaves.Tiles(0, answer.first_leaf());
  if (!before.ok()) return before.status();
  for (const Hash& hash : *before) answer.add_before(ToBytes(hash));
  const absl::StatusOr<std::vector<Hash>> behind = leaves.Tiles(end, leaves.checkpoint().size);
  if (!behind.ok()) return behind.status();
  for (const Hash& hash : *behind) answer.add_behind(ToBytes(hash));
  for (const ListedCall& call : calls) run.named.erase(call.id);
  for (const auto& [id, last] : run.named) answer.add_others(id);
  return evidence;
}

}  // namespace

absl::StatusOr<v1::Evidence> BuildCallEvidence(const StoreLayout& layout, StoreKeys& keys, uint64_t call_id,
                                               absl::Span<const Position> blocks) {
  return BuildUnderBest(layout, [&](SignedLeaves& leaves) { return BuildCall(leaves, layout, keys, call_id, blocks); });
}

absl::StatusOr<v1::Evidence> BuildAnswerEvidence(const StoreLayout& layout, absl::Span<const ListedCall> calls) {
  return BuildUnderBest(layout, [&](SignedLeaves& leaves) { return BuildAnswer(leaves, layout, calls); });
}

}  // namespace sallyport::recorder
