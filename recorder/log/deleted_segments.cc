#include "recorder/log/deleted_segments.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/format/log_format.h"

namespace sallyport::recorder {
namespace {

constexpr size_t kLargestTombstone = size_t{64} << 20;

}  // namespace

absl::Status CheckTombstone(const v1::Tombstone& tombstone) {
  uint64_t segment = 0;
  uint64_t leaf = 0;
  uint64_t sequence = 1;
  for (const v1::Tombstone::Range& range : tombstone.deleted()) {
    const bool ordered = range.first_segment() > segment && range.last_segment() >= range.first_segment() &&
                         range.last_segment() <= kMaxSegmentNumber && range.first_leaf() >= leaf &&
                         range.end_leaf() > range.first_leaf() && range.first_sequence() >= sequence &&
                         range.end_sequence() >= range.first_sequence();
    const bool sized = ordered && static_cast<size_t>(range.nodes_size()) ==
                                      CompactRange::NodeCount(range.first_leaf(), range.end_leaf());
    if (!sized || !std::all_of(range.nodes().begin(), range.nodes().end(),
                               [](const std::string& node) { return node.size() == sizeof(Hash); })) {
      return absl::DataLossError("a tombstone contradicts itself");
    }
    // Touching ranges would be one.
    segment = range.last_segment() + 1;
    leaf = range.end_leaf();
    sequence = range.end_sequence();
  }
  return absl::OkStatus();
}

absl::StatusOr<CompactRange> LeavesOf(const v1::Tombstone::Range& range) {
  std::vector<Hash> nodes;
  for (const std::string& node : range.nodes()) {
    if (node.size() != sizeof(Hash)) return absl::DataLossError("a tombstone holds something that is no hash");
    std::copy_n(node.begin(), sizeof(Hash), nodes.emplace_back().begin());
  }
  absl::StatusOr<CompactRange> leaves = CompactRange::FromNodes(range.first_leaf(), range.end_leaf(), std::move(nodes));
  if (!leaves.ok()) return absl::DataLossError(leaves.status().message());
  return leaves;
}

absl::StatusOr<v1::Tombstone> LoadTombstone(const StoreLayout& layout) {
  v1::Tombstone tombstone;
  absl::StatusOr<std::string> bytes = ReadWholeFile(layout.Tombstone(), kLargestTombstone);
  if (absl::IsNotFound(bytes.status())) return tombstone;
  if (!bytes.ok()) return bytes.status();
  if (!tombstone.ParseFromString(*bytes)) {
    return absl::DataLossError(absl::StrCat(layout.Tombstone(), " is damaged"));
  }
  if (absl::Status status = CheckTombstone(tombstone); !status.ok()) return status;
  return tombstone;
}

absl::Status KeepTombstone(const StoreLayout& layout, FileSystem& files, const v1::Tombstone& tombstone) {
  return ReplaceFile(files, layout.Tombstone(), tombstone.SerializeAsString());
}

bool IsDeleted(const v1::Tombstone& tombstone, uint64_t segment) {
  return std::any_of(tombstone.deleted().begin(), tombstone.deleted().end(), [&](const v1::Tombstone::Range& range) {
    return range.first_segment() <= segment && segment <= range.last_segment();
  });
}

}  // namespace sallyport::recorder
