// The half of evidence.h that reads a store.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/evidence/body_opener.h"
#include "recorder/evidence/evidence.h"
#include "recorder/evidence/header_check.h"
#include "recorder/evidence/proofs.h"
#include "recorder/evidence/segment_window.h"
#include "recorder/evidence/subtree_stack.h"
#include "recorder/evidence/tree_state.h"
#include "recorder/evidence/unchecked_checkpoint.h"
#include "recorder/log/file.h"
#include "recorder/text.h"

namespace sallyport::recorder {
namespace {

constexpr uint32_t kVersion = 1;

std::string ToBytes(const Hash& hash) { return std::string(AsText(hash)); }

absl::Status Damage(Position at, std::string_view what) {
  return absl::DataLossError(absl::StrCat("segment ", at.segment(), ", offset ", at.offset(), ": ", View(what)));
}

// The last checkpoint, and the leaves under it.
class SignedLeaves {
 public:
  static absl::StatusOr<SignedLeaves> Open(const StoreLayout& layout) {
    const absl::StatusOr<std::string> note = ReadCheckpoint(layout);
    if (absl::IsNotFound(note.status())) {
      return absl::FailedPreconditionError("no checkpoint was signed yet, so nothing can be proved");
    }
    if (!note.ok()) return note.status();
    absl::StatusOr<UncheckedCheckpoint> checkpoint = UncheckedCheckpoint::Parse(*note);
    if (!checkpoint.ok())
      return absl::DataLossError(absl::StrCat(layout.Checkpoint(), ": ", checkpoint.status().message()));
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
    std::string_view directory;
    std::string_view body;
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
    if (auto bad = CheckPayload(block.checked, payload)) {
      return Damage({at.segment(), at.offset() + kBlockHeaderSize + bad->offset}, bad->text);
    }
    block.directory = payload.substr(0, block.checked.directory_size());
    block.body = payload.substr(block.directory.size());
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
      if (absl::IsNotFound(key.status())) {
        return absl::NotFoundError(absl::StrCat("segment ", segment, " is shredded: what was in it is gone"));
      }
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
absl::Status AddEntries(uint64_t call_id, const OpenedBody& body, Position at, v1::ProvenBlock& proven) {
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
  }
  return proven.entries().empty() ? Damage(at, "the block has no entry of the call") : absl::OkStatus();
}

// Adds what is at `at`, a segment's header or a block, and goes on to what follows. Collects the calls named.
absl::Status AddLeaf(Segments& segments, Position& at, v1::AnswerEvidence& answer, std::set<uint64_t>& named) {
  v1::ProvenLeaf& leaf = *answer.add_leaves();
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
  leaf.set_directory(std::string(block->directory));
  leaf.set_body_hash(ToBytes(Sha256({block->body})));
  for (uint32_t i = 0; i < block->checked.calls; ++i) named.insert(DirectoryLine(block->directory, i).call_id);
  at = block->checked.type == BlockType::kFooter ? Position(at.segment() + 1, 0) : block->end;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Evidence> BuildCallEvidence(const StoreLayout& layout, StoreKeys& keys, uint64_t call_id,
                                               absl::Span<const Position> blocks) {
  absl::StatusOr<SignedLeaves> leaves = SignedLeaves::Open(layout);
  if (!leaves.ok()) return leaves.status();
  v1::Evidence evidence;
  evidence.set_version(kVersion);
  evidence.set_origin(leaves->checkpoint().origin);
  evidence.set_checkpoint(leaves->Note());
  v1::CallEvidence& call = *evidence.mutable_call();
  call.set_call_id(call_id);
  Segments segments(layout);
  Openers openers(keys);
  OpenedBody body;
  for (const Position at : blocks) {
    const absl::StatusOr<Segments::Block> block = segments.ReadBlock(at);
    if (!block.ok()) return block.status();
    if (absl::Status status = leaves->Covers(block->checked.leaf_index); !status.ok()) return status;
    const absl::StatusOr<Prover*> prover = leaves->MakeProver();
    if (!prover.ok()) return prover.status();
    const absl::StatusOr<std::vector<Hash>> path =
        (*prover)->Inclusion(block->checked.leaf_index, leaves->checkpoint().size);
    if (!path.ok()) return path.status();
    const absl::StatusOr<BodyOpener*> opener = openers.For(at.segment());
    if (!opener.ok()) return opener.status();
    if (auto wrong = (*opener)->Open(block->header, block->checked, block->body, body)) return Damage(at, *wrong);
    v1::ProvenBlock& proven = *call.add_blocks();
    proven.set_header(std::string(block->header));
    for (const Hash& hash : *path) proven.add_inclusion(ToBytes(hash));
    if (absl::Status status = AddEntries(call_id, body, at, proven); !status.ok()) return status;
  }
  return evidence;
}

absl::StatusOr<v1::Evidence> BuildAnswerEvidence(const StoreLayout& layout, absl::Span<const ListedCall> calls) {
  absl::StatusOr<SignedLeaves> leaves = SignedLeaves::Open(layout);
  if (!leaves.ok()) return leaves.status();
  v1::Evidence evidence;
  evidence.set_version(kVersion);
  evidence.set_origin(leaves->checkpoint().origin);
  evidence.set_checkpoint(leaves->Note());
  v1::AnswerEvidence& answer = *evidence.mutable_answer();
  std::set<uint64_t> named;
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
      if (absl::Status status = AddLeaf(segments, at, answer, named); !status.ok()) return status;
    }
  }
  const uint64_t end = answer.first_leaf() + static_cast<uint64_t>(answer.leaves_size());
  if (end != 0) {
    if (absl::Status status = leaves->Covers(end - 1); !status.ok()) return status;
  }
  const absl::StatusOr<std::vector<Hash>> before = leaves->Tiles(0, answer.first_leaf());
  if (!before.ok()) return before.status();
  for (const Hash& hash : *before) answer.add_before(ToBytes(hash));
  const absl::StatusOr<std::vector<Hash>> behind = leaves->Tiles(end, leaves->checkpoint().size);
  if (!behind.ok()) return behind.status();
  for (const Hash& hash : *behind) answer.add_behind(ToBytes(hash));
  for (const ListedCall& call : calls) named.erase(call.id);
  for (const uint64_t id : named) answer.add_others(id);
  return evidence;
}

}  // namespace sallyport::recorder
