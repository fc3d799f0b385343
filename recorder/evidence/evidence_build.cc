#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/proofs.h"
#include "recorder/crypto/text.h"
#include "recorder/evidence/evidence.h"
#include "recorder/format/tree_state.h"
#include "recorder/format/unchecked_checkpoint.h"
#include "recorder/log/call_chain.h"
#include "recorder/system/file.h"
#include "recorder/verify/body_opener.h"
#include "recorder/verify/header_check.h"
#include "recorder/verify/segment_window.h"
#include "recorder/verify/subtree_stack.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {
namespace {

constexpr uint32_t kVersion = 2;
// Evidence that would show more of the log than this is not made.
constexpr uint64_t kMostShown = uint64_t{256} << 20;

std::string ToBytes(const Hash& hash) { return std::string(AsText(hash)); }

absl::Status Damage(Position at, std::string_view what) {
  return absl::DataLossError(absl::StrCat("segment ", at.segment(), ", offset ", at.offset(), ": ", View(what)));
}

// A checkpoint, and the leaves under it.
class SignedLeaves {
 public:
  // `note` is a signed checkpoint of the store, read from the file `name`.
  static absl::StatusOr<SignedLeaves> Open(const StoreLayout& layout, const std::string& note,
                                           const std::string& name) {
    absl::StatusOr<UncheckedCheckpoint> checkpoint = UncheckedCheckpoint::Parse(note);
    if (!checkpoint.ok()) return absl::DataLossError(absl::StrCat(name, ": ", checkpoint.status().message()));
    absl::StatusOr<ReadableFile> leaves = ReadableFile::Open(layout.Leaves());
    if (!leaves.ok()) return leaves.status();
    return SignedLeaves(*std::move(checkpoint), *std::move(leaves));
  }

  const Checkpoint& checkpoint() const { return checkpoint_.checkpoint; }
  std::string Note() const { return checkpoint_.note.Format(); }

  absl::Status Covers(uint64_t leaf) const {
    if (leaf < checkpoint().size) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("leaf ", leaf, " of the log is not under a checkpoint yet, whose size is ", checkpoint().size,
                     ": while a gateway runs it will be in a second"));
  }

  absl::StatusOr<Prover*> MakeProver() {
    if (prover_ == nullptr) {
      prover_ = std::make_unique<Prover>([file = file_](uint64_t first, absl::Span<Hash> out) {
        return ReadAt(*file, first, reinterpret_cast<char*>(out.data()), out.size());
      });
      const absl::StatusOr<Hash> root = prover_->Root(checkpoint().size);
      if (!root.ok()) return root.status();
      if (*root != checkpoint().root) {
        return absl::DataLossError("tree/leaves does not fit the checkpoint: `sallyport verify` says where");
      }
    }
    return prover_.get();
  }

  // The subtrees that tile the leaves from `begin` up to `end`.
  absl::StatusOr<std::vector<Hash>> Tiles(uint64_t begin, uint64_t end) const {
    constexpr uint64_t kAtATime = 4096;
    SubtreeStack stack(begin);
    std::vector<Hash> leaves;
    while (stack.end() < end) {
      leaves.resize(std::min(kAtATime, end - stack.end()));
      if (absl::Status status = ReadAt(*file_, stack.end(), reinterpret_cast<char*>(leaves.data()), leaves.size());
          !status.ok()) {
        return status;
      }
      for (const Hash& leaf : leaves) stack.PushLeaf(leaf);
    }
    return stack.Tiles();
  }

 private:
  SignedLeaves(UncheckedCheckpoint checkpoint, ReadableFile file)
      : checkpoint_(std::move(checkpoint)), file_(std::make_shared<ReadableFile>(std::move(file))) {}

  static absl::Status ReadAt(const ReadableFile& file, uint64_t first, char* out, size_t count) {
    const absl::StatusOr<size_t> read = file.Read(first * sizeof(Hash), count * sizeof(Hash), out);
    if (!read.ok()) return read.status();
    return *read == count * sizeof(Hash) ? absl::OkStatus() : absl::DataLossError("tree/leaves is too short");
  }

  UncheckedCheckpoint checkpoint_;
  std::shared_ptr<ReadableFile> file_;
  std::unique_ptr<Prover> prover_;
};

// Reads the segments of a log. Keeps the last one open.
class Segments {
 public:
  explicit Segments(const StoreLayout& layout) : layout_(layout) {}

  absl::StatusOr<std::string_view> Read(Position at, size_t size) {
    if (number_ != at.segment()) {
      absl::StatusOr<ReadableFile> file = ReadableFile::Open(layout_.Segment(at.segment()));
      if (absl::IsNotFound(file.status())) {
        return absl::NotFoundError(absl::StrCat("segment ", at.segment(), " was deleted"));
      }
      if (!file.ok()) return file.status();
      const absl::StatusOr<uint64_t> length = file->Size();
      if (!length.ok()) return length.status();
      window_.emplace(*std::move(file), *length);
      number_ = at.segment();
    }
    const absl::StatusOr<std::string_view> bytes = window_->At(at.offset(), size);
    if (!bytes.ok()) return bytes.status();
    if (bytes->size() < size) return Damage(at, "the segment ends here");
    return *bytes;
  }

  struct Block {
    CheckedBlock checked;
    std::string_view header;
    CheckedPayload payload;
    Position end;
  };
  // Lives until the next read.
  absl::StatusOr<Block> ReadBlock(Position at) {
    absl::StatusOr<std::string_view> bytes = Read(at, kBlockHeaderSize);
    if (!bytes.ok()) return bytes.status();
    Block block;
    if (auto bad = CheckBlockHeader(*bytes, std::nullopt, block.checked)) {
      return Damage({at.segment(), at.offset() + bad->offset}, bad->text);
    }
    if (block.checked.position != at) return Damage(at, "a block stands here that belongs elsewhere");
    const uint64_t size = kBlockHeaderSize + block.checked.payload_size();
    if (window_->size() < at.offset() + size) return Damage(at, "the segment ends within this block");
    bytes = Read(at, size);
    if (!bytes.ok()) return bytes.status();
    block.header = bytes->substr(0, kBlockHeaderSize);
    const std::string_view payload = bytes->substr(kBlockHeaderSize);
    if (auto bad = CheckPayload(block.checked, payload, block.payload)) {
      return Damage({at.segment(), at.offset() + kBlockHeaderSize + bad->offset}, bad->text);
    }
    block.end = {at.segment(), at.offset() + size};
    return block;
  }

 private:
  const StoreLayout layout_;
  uint64_t number_ = 0;
  std::optional<SegmentWindow> window_;
};

// Opens bodies of several segments, one after another.
class Openers {
 public:
  explicit Openers(StoreKeys& keys) : keys_(keys) {}

  absl::StatusOr<BodyOpener*> For(uint64_t segment) {
    if (number_ != segment) {
      absl::StatusOr<DataKey> key = keys_.OpenDataKey(segment);
      if (!key.ok()) return key.status();
      opener_.emplace(keys_.store_id(), *key);
      number_ = segment;
    }
    return &*opener_;
  }

 private:
  StoreKeys& keys_;
  uint64_t number_ = 0;
  std::optional<BodyOpener> opener_;
};

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
      return Damage(at, "the block holds something that is no entry");
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
    if (part >= payload.parts.size()) return Damage(at, "an entry names a part that the block does not have");
    added.set_part(std::string(payload.parts[part]));
  }
  return proven.entries().empty() ? Damage(at, "the block has no entry of the call") : absl::OkStatus();
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
absl::Status AddLeaf(Segments& segments, Position& at, ShownRun& run) {
  v1::ProvenLeaf& leaf = *run.leaves.Add();
  if (at.offset() == 0) {
    const absl::StatusOr<std::string_view> header = segments.Read(at, kSegmentHeaderSize);
    if (!header.ok()) return header.status();
    leaf.set_header(std::string(*header));
    at = {at.segment(), kSegmentHeaderSize};
    return absl::OkStatus();
  }
  const absl::StatusOr<Segments::Block> block = segments.ReadBlock(at);
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

// Where there is no checkpoint, although each store that has grown has one within a second.
std::string WhyNoCheckpoint(const StoreLayout& layout) {
  const absl::StatusOr<LeafFile> leaves = LeafFile::Open(layout);
  const absl::StatusOr<uint64_t> size = leaves.ok() ? leaves->Size() : leaves.status();
  if (leaves.ok() && !size.ok()) return std::string(size.status().message());
  const bool signed_before = FileExists(layout.Cosigned()) || FileExists(layout.Tombstone());
  if (!signed_before && (!size.ok() || *size == 0)) return "no checkpoint was signed yet, so nothing can be proved";
  return absl::StrCat(layout.Checkpoint(), " is not there, although ",
                      signed_before ? "what was signed after it is"
                                    : absl::StrCat("the tree has ", *size, *size == 1 ? " leaf" : " leaves"),
                      signed_before
                          ? ": it was removed"
                          : ": it was removed, or the gateway was ended within its first second, before it signed one",
                      ". Nothing can be proved without it: put it back, or let a gateway sign another");
}

// Builds under the checkpoint that witnesses have cosigned, which convinces more people, or, if that does not do (it
// may be an older one), under the last.
absl::StatusOr<v1::Evidence> BuildUnderBest(const StoreLayout& layout,
                                            absl::FunctionRef<absl::StatusOr<v1::Evidence>(SignedLeaves&)> build) {
  const absl::StatusOr<std::string> cosigned = ReadWholeFile(layout.Cosigned(), kMaxNoteSize);
  if (cosigned.ok()) {
    absl::StatusOr<SignedLeaves> leaves = SignedLeaves::Open(layout, *cosigned, layout.Cosigned());
    if (leaves.ok()) {
      absl::StatusOr<v1::Evidence> evidence = build(*leaves);
      if (evidence.ok()) return evidence;
    }
  }
  const absl::StatusOr<std::string> last = ReadCheckpoint(layout);
  if (absl::IsNotFound(last.status())) {
    return absl::FailedPreconditionError(WhyNoCheckpoint(layout));
  }
  if (!last.ok()) return last.status();
  absl::StatusOr<SignedLeaves> leaves = SignedLeaves::Open(layout, *last, layout.Checkpoint());
  return leaves.ok() ? build(*leaves) : leaves.status();
}

// Goes on with the run up to the checkpoint's size.
absl::Status AddUpToCheckpoint(const SignedLeaves& leaves, Segments& segments, uint64_t first_leaf, Position& at,
                               ShownRun& run) {
  while (first_leaf + static_cast<uint64_t>(run.leaves.size()) < leaves.checkpoint().size) {
    if (absl::Status status = AddLeaf(segments, at, run); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// A call's evidence while it is made.
class CallBuilder {
 public:
  CallBuilder(SignedLeaves& leaves, const StoreLayout& layout, StoreKeys& keys, v1::CallEvidence& call)
      : leaves_(leaves), segments_(layout), openers_(keys), call_(call) {}

  // Adds the block that stands there. FAILED_PRECONDITION if it is not under the checkpoint.
  absl::Status Add(Position at);
  // Whether the call goes on behind the block added last, as far as that says.
  bool open() const { return open_; }
  // Shows every leaf behind the block added last. A block among them that holds entries of the call, which is set then,
  // has to be added first.
  absl::Status AddLater(Position& missed);

 private:
  SignedLeaves& leaves_;
  Segments segments_;
  Openers openers_;
  v1::CallEvidence& call_;
  OpenedBody body_;
  bool open_ = false;
  uint64_t next_leaf_ = 0;
  Position behind_;
};

absl::Status CallBuilder::Add(Position at) {
  const absl::StatusOr<Segments::Block> block = segments_.ReadBlock(at);
  if (!block.ok()) return block.status();
  const CheckedBlock& header = block->checked;
  if (absl::Status status = leaves_.Covers(header.leaf_index); !status.ok()) return status;
  const absl::StatusOr<Prover*> prover = leaves_.MakeProver();
  if (!prover.ok()) return prover.status();
  const absl::StatusOr<std::vector<Hash>> path = (*prover)->Inclusion(header.leaf_index, leaves_.checkpoint().size);
  if (!path.ok()) return path.status();
  const absl::StatusOr<BodyOpener*> opener = openers_.For(at.segment());
  if (!opener.ok()) return opener.status();
  if (auto wrong = (*opener)->Open(block->header, header, block->payload.body, body_)) return Damage(at, *wrong);
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
  if (absl::Status status = AddUpToCheckpoint(leaves_, segments_, next_leaf_, at, run); !status.ok()) return status;
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
    Segments segments(layout);
    const absl::StatusOr<Segments::Block> first = segments.ReadBlock(at);
    if (!first.ok()) return first.status();
    answer.set_first_leaf(first->checked.leaf_index);
    while (at <= last) {
      if (absl::Status status = AddLeaf(segments, at, run); !status.ok()) return status;
    }
    const bool open = std::any_of(calls.begin(), calls.end(), [&](const ListedCall& call) {
      const CheckedDirectoryLine& line = run.named[call.id].line;
      return line.entries != 0 && !line.ends;
    });
    if (open) {
      const absl::Status status = AddUpToCheckpoint(leaves, segments, answer.first_leaf(), at, run);
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
