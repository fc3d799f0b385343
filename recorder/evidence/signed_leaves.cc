#include "recorder/evidence/signed_leaves.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "recorder/format/tree_state.h"
#include "recorder/verify/subtree_stack.h"

namespace sallyport::recorder {
namespace {

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

}  // namespace

absl::StatusOr<SignedLeaves> SignedLeaves::Open(const StoreLayout& layout, const std::string& note,
                                                const std::string& name) {
  absl::StatusOr<UncheckedCheckpoint> checkpoint = UncheckedCheckpoint::Parse(note);
  if (!checkpoint.ok()) return absl::DataLossError(absl::StrCat(name, ": ", checkpoint.status().message()));
  absl::StatusOr<ReadableFile> leaves = ReadableFile::Open(layout.Leaves());
  if (!leaves.ok()) return leaves.status();
  return SignedLeaves(*std::move(checkpoint), *std::move(leaves));
}

absl::Status SignedLeaves::Covers(uint64_t leaf) const {
  if (leaf < checkpoint().size) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("leaf ", leaf, " of the log is not under a checkpoint yet, whose size is ", checkpoint().size,
                   ": while a gateway runs it will be in a second"));
}

absl::StatusOr<Prover*> SignedLeaves::MakeProver() {
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

absl::StatusOr<std::vector<Hash>> SignedLeaves::Tiles(uint64_t begin, uint64_t end) const {
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

absl::Status SignedLeaves::ReadAt(const ReadableFile& file, uint64_t first, char* out, size_t count) {
  const absl::StatusOr<size_t> read = file.Read(first * sizeof(Hash), count * sizeof(Hash), out);
  if (!read.ok()) return read.status();
  return *read == count * sizeof(Hash) ? absl::OkStatus() : absl::DataLossError("tree/leaves is too short");
}

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

}  // namespace sallyport::recorder
