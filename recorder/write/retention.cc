#include "recorder/write/retention.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/log/deleted_segments.h"
#include "recorder/log/segment_reader.h"

namespace sallyport::recorder {
namespace {

// What retention has to know about a segment.
struct SegmentSummary {
  uint64_t number = 0;
  uint64_t size = 0;
  absl::Time closed;
};

// NOT_FOUND if the segment is damaged or not complete.
absl::StatusOr<SegmentSummary> Summarise(const LogPlace& place, StoreKeys& keys, uint64_t number) {
  absl::StatusOr<SegmentReader> segment = SegmentReader::Open(place, keys, number);
  if (absl::IsDataLoss(segment.status())) return absl::NotFoundError(segment.status().message());
  if (!segment.ok()) return segment.status();
  absl::StatusOr<SegmentFooter> footer = segment->ReadFooter();
  if (absl::IsDataLoss(footer.status())) return absl::NotFoundError(footer.status().message());
  if (!footer.ok()) return footer.status();
  absl::StatusOr<uint64_t> size = segment->Size();
  if (!size.ok()) return size.status();
  return SegmentSummary{number, *size, absl::FromUnixNanos(footer->closed_ns)};
}

// One segment as a range of a tombstone.
absl::StatusOr<v1::Tombstone::Range> RangeOf(const LogPlace& place, StoreKeys& keys, uint64_t number) {
  absl::StatusOr<SegmentReader> segment = SegmentReader::Open(place, keys, number);
  if (!segment.ok()) return segment.status();
  const SegmentHeader& header = segment->header();
  CompactRange leaves(header.leaf_index);
  leaves.Append(segment->header_leaf());
  uint64_t end_sequence = header.first_sequence;
  const absl::Status status = segment->WalkDirectories([&](const Block& block) {
    if (block.header.leaf_index != leaves.end()) {
      return absl::DataLossError(absl::StrCat("segment ", number, " lacks records"));
    }
    leaves.Append(block.leaf);
    end_sequence = block.next_sequence();
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  v1::Tombstone::Range range;
  range.set_first_segment(number);
  range.set_last_segment(number);
  range.set_first_leaf(leaves.begin());
  range.set_end_leaf(leaves.end());
  range.set_first_sequence(header.first_sequence);
  range.set_end_sequence(end_sequence);
  for (const Hash& node : leaves.nodes()) range.add_nodes(node.data(), node.size());
  return range;
}

// Makes one range of two that touch.
absl::Status Join(v1::Tombstone::Range& range, const v1::Tombstone::Range& next) {
  absl::StatusOr<CompactRange> leaves = LeavesOf(range);
  if (!leaves.ok()) return leaves.status();
  absl::StatusOr<CompactRange> more = LeavesOf(next);
  if (!more.ok()) return more.status();
  if (absl::Status status = leaves->Append(*more); !status.ok()) return absl::DataLossError(status.message());
  range.set_last_segment(next.last_segment());
  range.set_end_leaf(next.end_leaf());
  range.set_end_sequence(next.end_sequence());
  range.clear_nodes();
  for (const Hash& node : leaves->nodes()) range.add_nodes(node.data(), node.size());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DueSegments> FindDueSegments(const LogPlace& place, StoreKeys& keys, const Retention& retention,
                                            uint64_t current, const std::set<uint64_t>& held, absl::Time now) {
  absl::StatusOr<std::vector<uint64_t>> numbers = ListSegments(place);
  if (!numbers.ok()) return numbers.status();
  std::vector<SegmentSummary> segments;
  uint64_t size = 0;
  for (uint64_t number : *numbers) {
    if (number >= current) continue;
    absl::StatusOr<SegmentSummary> segment = Summarise(place, keys, number);
    if (absl::IsNotFound(segment.status())) continue;
    if (!segment.ok()) return segment.status();
    size += segment->size;
    segments.push_back(*segment);
  }
  DueSegments due;
  for (const SegmentSummary& segment : segments) {
    if (held.count(segment.number) != 0) continue;
    const bool too_old = retention.age.has_value() && segment.closed < now - *retention.age;
    const bool too_much =
        retention.bytes.has_value() && size > *retention.bytes && segment.closed <= now - retention.min_age;
    if (!too_old && !too_much) continue;
    due.segments.push_back(segment.number);
    size -= segment.size;
  }
  if (retention.bytes.has_value() && size > *retention.bytes) due.exceeded_bytes = size - *retention.bytes;
  return due;
}

absl::StatusOr<v1::Tombstone> MakeTombstone(const LogPlace& place, StoreKeys& keys, const v1::Tombstone& last,
                                            const std::vector<uint64_t>& segments, absl::Time now) {
  std::map<uint64_t, v1::Tombstone::Range> ranges;
  for (const v1::Tombstone::Range& range : last.deleted()) ranges.emplace(range.first_segment(), range);
  for (uint64_t segment : segments) {
    absl::StatusOr<v1::Tombstone::Range> range = RangeOf(place, keys, segment);
    if (!range.ok()) return range.status();
    ranges.emplace(segment, *std::move(range));
  }
  v1::Tombstone tombstone;
  tombstone.set_time_ns(static_cast<uint64_t>(absl::ToUnixNanos(now)));
  for (const auto& [first, range] : ranges) {
    const int count = tombstone.deleted_size();
    v1::Tombstone::Range* before = count == 0 ? nullptr : tombstone.mutable_deleted(count - 1);
    if (before == nullptr || before->last_segment() + 1 != first) {
      *tombstone.add_deleted() = range;
    } else if (absl::Status status = Join(*before, range); !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = CheckTombstone(tombstone); !status.ok()) return status;
  return tombstone;
}

absl::Status FinishDeletion(const LogPlace& place, FileSystem& files, const v1::Tombstone& tombstone,
                            ForgetDeleted forget) {
  if (tombstone.deleted().empty()) return absl::OkStatus();
  absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(place);
  if (!segments.ok()) return segments.status();
  std::vector<uint64_t> left;
  for (uint64_t number : *segments) {
    if (IsDeleted(tombstone, number)) left.push_back(number);
  }
  if (left.empty()) return absl::OkStatus();
  const auto is_deleted = [&](uint64_t number) { return IsDeleted(tombstone, number); };
  if (absl::Status status = forget(left, is_deleted); !status.ok()) return status;
  for (uint64_t number : left) {
    // The key goes first: as long as the segment is there, the next start comes by again.
    for (const std::string& path : {place.layout().DataKey(number), place.layout().DestroyedDataKey(number)}) {
      if (absl::Status status = files.Remove(path); !status.ok() && !absl::IsNotFound(status)) return status;
    }
    if (absl::Status status = files.SyncDirectory(place.layout().KeysDirectory()); !status.ok()) return status;
    if (absl::Status status = place.segments().Remove(number); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
