#include "recorder/write/store_repair.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/format/missing_parts.h"
#include "recorder/format/tree_state.h"
#include "recorder/log/deleted_segments.h"
#include "recorder/log/log_scan.h"
#include "recorder/log/segment_reader.h"

namespace sallyport::recorder {
namespace {

// Whether the index has been told of a block. One that cannot be opened says nothing.
bool IndexKnowsBlocks(const StoreLayout& layout, IndexEngine& engine) {
  // Looking must not make one.
  if (!FileExists(layout.Index())) return false;
  const absl::StatusOr<std::unique_ptr<CallIndex>> index = engine.Open();
  return index.ok() && (*index)->position().set();
}

absl::Status CheckThereWasNoLog(const StoreLayout& layout, IndexEngine& engine) {
  absl::StatusOr<std::optional<std::string>> trace = TraceOfLog(layout);
  if (!trace.ok()) return trace.status();
  if (!trace->has_value() && IndexKnowsBlocks(layout, engine)) *trace = layout.Index();
  if (!trace->has_value()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the log is gone: there are no segments in ", layout.LogDirectory(),
                                                    ", but ", **trace,
                                                    " says that there were. Put them back from a backup, or mount the "
                                                    "directory if it is a volume. To begin a new log, "
                                                    "give the gateway another data directory"));
}

// Whether the log holds nothing but segments that were begun and ended, as before the first checkpoint.
absl::StatusOr<bool> IsUnused(const LogPlace& place, StoreKeys& keys) {
  class Look : public LogVisitor {
   public:
    absl::Status OnBlock(const Block& block) override {
      if (block.header.type == BlockType::kFooter) return absl::OkStatus();
      used = true;
      return absl::CancelledError("seen enough");
    }
    bool used = false;
  };
  Look look;
  const absl::StatusOr<LogEnd> end = ScanLog(place, keys, Position(), OnDamage::kStop, look);
  if (look.used) return false;
  if (!end.ok()) return end.status();
  return end->damage.ok() && end->next_sequence.value_or(1) == 1;
}

absl::Status CheckNothingWasSigned(const LogPlace& place, StoreKeys& keys) {
  const absl::StatusOr<bool> unused = IsUnused(place, keys);
  if (!unused.ok()) return unused.status();
  if (*unused) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      place.layout().Checkpoint(),
      " is gone, but the log holds records, which were signed for. Without it nobody can tell "
      "whether the log is whole, and another tree could be signed in its place. Put it back from a backup, or put in "
      "its "
      "place the newest checkpoint that was published, as it is (from the directory, the URL or a witness): the rest "
      "is "
      "made again from the log. Or give the gateway another data directory; what is in this one stays readable"));
}

// Whether a segment is missing that the tombstone does not name.
bool LacksSegments(const std::vector<uint64_t>& segments, const v1::Tombstone& tombstone) {
  uint64_t expected = 1;
  for (uint64_t segment : segments) {
    for (; expected < segment; ++expected) {
      if (!IsDeleted(tombstone, expected)) return true;
    }
    expected = segment + 1;
  }
  return false;
}

// The last tombstone in the log, as far as the log is readable.
absl::StatusOr<std::optional<v1::Tombstone>> FindTombstone(const LogPlace& place, StoreKeys& keys,
                                                           const std::vector<uint64_t>& segments) {
  for (auto number = segments.rbegin(); number != segments.rend(); ++number) {
    absl::StatusOr<SegmentReader> segment = SegmentReader::Open(place, keys, *number);
    if (absl::IsDataLoss(segment.status())) continue;
    if (!segment.ok()) return segment.status();
    std::optional<v1::Tombstone> last;
    const absl::Status walked = segment->WalkDirectories([&](const Block& each) {
      if (each.header.type != BlockType::kTombstone) return absl::OkStatus();
      const absl::StatusOr<Block> block = segment->ReadBlock(each.position().offset());
      if (!block.ok()) return block.status();
      v1::Tombstone tombstone;
      if (tombstone.ParseFromString(block->body) && CheckTombstone(tombstone).ok()) last = std::move(tombstone);
      return absl::OkStatus();
    });
    if (!walked.ok() && !absl::IsDataLoss(walked)) return walked;
    if (last.has_value()) return last;
  }
  return std::nullopt;
}

// What is damaged and not in the log either stays as it is: whoever reads it says so.
absl::Status RepairTombstone(const LogPlace& place, StoreKeys& keys, FileSystem& files,
                             const std::vector<uint64_t>& segments) {
  const absl::StatusOr<v1::Tombstone> kept = LoadTombstone(place.layout());
  if (!kept.ok() && !absl::IsDataLoss(kept.status())) return kept.status();
  if (kept.ok() && !LacksSegments(segments, *kept)) return absl::OkStatus();
  const absl::StatusOr<std::optional<v1::Tombstone>> found = FindTombstone(place, keys, segments);
  if (!found.ok()) return found.status();
  if (!found->has_value() || (kept.ok() && kept->time_ns() >= (*found)->time_ns())) return absl::OkStatus();
  spdlog::warn("{} was missing or damaged and is made again from the log", place.layout().Tombstone());
  return KeepTombstone(place.layout(), files, **found);
}

// The leaves of a tree of some size, each from the log where it has it.
class LeafCollector : public LogVisitor {
 public:
  // `kept` is what there was of them before; zeros stand for those that are not known.
  LeafCollector(std::vector<Hash> kept, uint64_t size) : leaves_(std::move(kept)) { leaves_.resize(size); }

  absl::Status OnSegment(const SegmentReader& segment) override {
    const SegmentHeader& header = segment.header();
    Take(header.leaf_index, segment.header_leaf(), Position(header.number, kSegmentHeaderSize), header.first_sequence);
    return absl::OkStatus();
  }
  absl::Status OnBlock(const Block& block) override {
    const bool footer = block.header.type == BlockType::kFooter;
    Take(block.header.leaf_index, block.leaf, footer ? Position(block.position().segment() + 1, 0) : block.end(),
         block.next_sequence());
    return absl::OkStatus();
  }

  std::vector<Hash>& leaves() { return leaves_; }
  // The tree over all of them; `end` is unset where the last one is not in the log. What was deleted is in the
  // tombstone, and its leaves become zeros unless all of them are known. DATA_LOSS if a leaf is missing.
  absl::StatusOr<TreeState> Tree(const v1::Tombstone& tombstone) {
    TreeState state;
    while (state.range.end() < leaves_.size()) {
      const uint64_t at = state.range.end();
      const auto deleted =
          std::find_if(tombstone.deleted().begin(), tombstone.deleted().end(), [&](const v1::Tombstone::Range& range) {
            return range.first_leaf() == at && range.end_leaf() <= leaves_.size();
          });
      if (deleted != tombstone.deleted().end()) {
        if (absl::Status status = AppendDeleted(*deleted, state.range); !status.ok()) return status;
      } else if (leaves_[at] == Hash{}) {
        return absl::DataLossError(absl::StrCat("the record with number ", at, " is not in the log"));
      } else {
        state.range.Append(leaves_[at]);
      }
    }
    state.end = end_;
    state.next_sequence = next_sequence_;
    return state;
  }

 private:
  void Take(uint64_t index, const Hash& leaf, Position end, uint64_t next_sequence) {
    if (index >= leaves_.size()) return;
    leaves_[index] = leaf;
    if (index + 1 != leaves_.size()) return;
    end_ = end;
    next_sequence_ = next_sequence;
  }

  absl::Status AppendDeleted(const v1::Tombstone::Range& deleted, CompactRange& tree) {
    absl::StatusOr<CompactRange> range = LeavesOf(deleted);
    if (!range.ok()) return range.status();
    CompactRange known(deleted.first_leaf());
    for (uint64_t i = deleted.first_leaf(); i < deleted.end_leaf(); ++i) known.Append(leaves_[i]);
    if (known.nodes() != range->nodes()) {
      std::fill(leaves_.begin() + static_cast<ptrdiff_t>(deleted.first_leaf()),
                leaves_.begin() + static_cast<ptrdiff_t>(deleted.end_leaf()), Hash{});
    }
    return tree.Append(*range);
  }

  std::vector<Hash> leaves_;
  Position end_;  // behind the last one's record; unset if that is not in the log
  uint64_t next_sequence_ = 1;
};

// How many leaf hashes are kept.
absl::StatusOr<uint64_t> CountLeaves(const StoreLayout& layout) {
  const absl::StatusOr<LeafFile> file = LeafFile::Open(layout);
  if (absl::IsNotFound(file.status())) return 0;
  return file.ok() ? file->Size() : file.status();
}

// At most `limit` of them.
absl::StatusOr<std::vector<Hash>> KeptLeaves(const StoreLayout& layout, uint64_t limit) {
  const absl::StatusOr<uint64_t> count = CountLeaves(layout);
  if (!count.ok()) return count.status();
  std::vector<Hash> leaves(std::min(*count, limit));
  if (leaves.empty()) return leaves;
  const absl::StatusOr<LeafFile> file = LeafFile::Open(layout);
  if (!file.ok()) return file.status();
  const absl::Status read = file->Read(0, absl::MakeSpan(leaves));
  // Some that are not known are among them.
  if (!read.ok() && !absl::IsDataLoss(read)) return read;
  return leaves;
}

struct RemadeTree {
  std::vector<Hash> leaves;
  TreeState state;
};

// The tree that was signed, as the log leads to it. DATA_LOSS, saying why, if it does not.
absl::StatusOr<RemadeTree> RemakeTree(const LogPlace& place, StoreKeys& keys, const Checkpoint& checkpoint) {
  const absl::StatusOr<v1::Tombstone> tombstone = LoadTombstone(place.layout());
  if (!tombstone.ok()) return tombstone.status();
  absl::StatusOr<std::vector<Hash>> kept = KeptLeaves(place.layout(), checkpoint.size);
  if (!kept.ok()) return kept.status();
  LeafCollector collector(*std::move(kept), checkpoint.size);
  const absl::StatusOr<LogEnd> end = ScanLog(place, keys, Position(), OnDamage::kSkip, collector);
  if (!end.ok()) return end.status();
  absl::StatusOr<TreeState> state = collector.Tree(*tombstone);
  if (state.ok() && state->range.Root() == checkpoint.root) {
    if (!end->damage.ok()) spdlog::error("{}; its hash was kept", std::string(end->damage.message()));
    return RemadeTree{std::move(collector.leaves()), *std::move(state)};
  }
  std::string why(state.ok() ? "it leads to another root" : state.status().message());
  if (!end->damage.ok()) absl::StrAppend(&why, "; ", end->damage.message());
  return absl::DataLossError(why);
}

absl::Status RepairTree(const LogPlace& place, StoreKeys& keys, FileSystem& files) {
  const absl::StatusOr<std::optional<SignedCheckpoint>> published = LoadPublishedCheckpoint(place.layout(), keys);
  if (!published.ok()) return published.status();
  SignedCheckpoint checkpoint;
  if (published->has_value()) {
    checkpoint = **published;
  } else {
    absl::StatusOr<std::optional<StoredCheckpoint>> stored = LoadStoredCheckpoint(place.layout(), keys);
    if (!stored.ok()) return stored.status();
    if (!stored->has_value()) return absl::OkStatus();
    checkpoint = std::move((*stored)->checkpoint);
    const absl::StatusOr<uint64_t> kept = CountLeaves(place.layout());
    if (!kept.ok()) return kept.status();
    if (*kept >= checkpoint.checkpoint.size) return absl::OkStatus();
  }
  const std::string lacking = published->has_value() ? place.layout().Checkpoint() : place.layout().Leaves();
  const uint64_t size = checkpoint.checkpoint.size;
  absl::StatusOr<RemadeTree> tree = RemakeTree(place, keys, checkpoint.checkpoint);
  if (tree.ok() && published->has_value() && !tree->state.end.set()) {
    tree = absl::DataLossError("the last of them is not in the log");
  }
  if (!tree.ok()) {
    return absl::Status(tree.status().code(), absl::StrCat(lacking, " lacks what belongs to the checkpoint over ", size,
                                                           " records, and it cannot be made again from the log: ",
                                                           tree.status().message(), ". Put it back from a backup"));
  }
  spdlog::warn(
      "{} lacked what belongs to the checkpoint over {} records; it is made again from the log, which leads to "
      "the root that was signed",
      lacking, size);
  const std::string_view bytes(reinterpret_cast<const char*>(tree->leaves.data()), tree->leaves.size() * sizeof(Hash));
  if (absl::Status status = ReplaceFile(files, place.layout().Leaves(), bytes); !status.ok()) return status;
  if (!published->has_value()) return absl::OkStatus();
  return ReplaceFile(files, place.layout().Checkpoint(), StoredCheckpoint{checkpoint, std::move(tree->state)}.Format());
}

}  // namespace

absl::Status RepairStore(const LogPlace& place, StoreKeys& keys, IndexEngine& engine, FileSystem& files) {
  const absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(place);
  if (!segments.ok()) return segments.status();
  if (segments->empty()) return CheckThereWasNoLog(place.layout(), engine);
  if (!FileExists(place.layout().Checkpoint())) return CheckNothingWasSigned(place, keys);
  if (absl::Status status = RepairTombstone(place, keys, files, *segments); !status.ok()) return status;
  return RepairTree(place, keys, files);
}

}  // namespace sallyport::recorder
