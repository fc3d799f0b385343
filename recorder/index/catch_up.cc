#include "recorder/index/catch_up.h"

#include <utility>
#include <vector>

#include "recorder/index/index_feeder.h"

namespace sallyport::recorder {
namespace {

// Whether the index can be right about how far it has come.
absl::StatusOr<bool> IsWithinLog(const LogPlace& place, Position position) {
  if (!position.set()) return true;
  absl::StatusOr<std::unique_ptr<SegmentBytes>> segment = place.segments().Open(position.segment());
  // Behind the last segment's footer the next one begins.
  if (absl::IsNotFound(segment.status())) {
    return position.offset() == 0 && place.segments().Has(position.segment() - 1);
  }
  if (!segment.ok()) return segment.status();
  absl::StatusOr<uint64_t> size = (*segment)->Size();
  if (!size.ok()) return size.status();
  return position.offset() <= *size;
}

// Gives open calls their last blocks, where the rows are behind.
absl::Status CorrectPositions(const LogPlace& place, StoreKeys& keys, CallIndex& index) {
  if (index.positions_exact_to() >= index.position()) return absl::OkStatus();
  const absl::Status done = absl::CancelledError("done");
  absl::StatusOr<LogEnd> scanned =
      ScanEntries(place, keys, index.positions_exact_to(), OnDamage::kSkip, [&](const Block& block) {
        if (block.position() >= index.position()) return done;
        index.ApplyDirectory(block.position(), block.directory);
        return absl::OkStatus();
      });
  return scanned.ok() || scanned.status() == done ? absl::OkStatus() : scanned.status();
}

}  // namespace

absl::StatusOr<CaughtUpIndex> CatchUpIndex(const LogPlace& place, StoreKeys& keys, IndexEngine& engine,
                                           Position until) {
  absl::StatusOr<std::unique_ptr<CallIndex>> index = engine.Open();
  bool shorter = false;
  if (index.ok()) {
    absl::StatusOr<bool> within = IsWithinLog(place, (*index)->position());
    if (!within.ok()) return within.status();
    shorter = !*within;
    if (shorter) index = absl::DataLossError("the index knows more than the log");
  }
  if (absl::IsDataLoss(index.status())) {
    if (absl::Status status = engine.Remove(); !status.ok()) return status;
    index = engine.Open();
  }
  if (!index.ok()) return index.status();
  // Calls that were there are not there any more.
  if (shorter) {
    if (absl::Status status = (*index)->NoteDamage(); !status.ok()) return status;
  }
  if (absl::Status status = CorrectPositions(place, keys, **index); !status.ok()) return status;
  absl::StatusOr<std::vector<uint64_t>> unscrubbed = UnscrubbedSegments(place, **index);
  if (!unscrubbed.ok()) return unscrubbed.status();
  absl::StatusOr<LogEnd> log_end = FeedIndex(
      place, keys, **index, [](const Block&) { return absl::OkStatus(); }, until);
  if (!log_end.ok()) return log_end.status();
  for (uint64_t segment : *unscrubbed) {
    if (absl::Status status = ScrubSegment(place, keys, **index, segment); !status.ok()) return status;
  }
  return CaughtUpIndex{*std::move(index), *std::move(log_end)};
}

}  // namespace sallyport::recorder
