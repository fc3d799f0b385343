#include "recorder/write/housekeeper.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "recorder/index/index_feeder.h"
#include "recorder/log/deleted_segments.h"
#include "recorder/write/legal_holds.h"
#include "recorder/write/retention.h"

namespace sallyport::recorder {
namespace {

constexpr auto kPause = std::chrono::milliseconds(1000);
constexpr auto kDeletionPause = std::chrono::milliseconds(60000);

}  // namespace

Housekeeper::Housekeeper(const RecorderOptions& options, const Parts& parts) : options_(options), parts_(parts) {
  thread_ = std::thread([this] { Loop(); });
}

Housekeeper::~Housekeeper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Housekeeper::Stats Housekeeper::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

void Housekeeper::Loop() {
  while (true) {
    Round();
    std::unique_lock lock(mutex_);
    ++stats_.rounds;
    const auto stopping = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; };
    if (wake_.wait_for(lock, kPause, stopping)) return;
  }
}

// What makes the log fail is told by who writes it.
void Housekeeper::Round() {
  if (!FollowRotation().ok()) return;
  parts_.index.Recover();
  if (Clock::now() < next_deletion_) return;
  next_deletion_ = Clock::now() + kDeletionPause;
  if (!DeleteOldSegments().ok()) return;
  // There may be more disk space now.
  const absl::Status reserved = parts_.log.BetweenBlocks([](LogWriter&) { return absl::OkStatus(); });
  static_cast<void>(reserved);
}

absl::Status Housekeeper::FollowRotation() {
  const absl::StatusOr<bool> rotated = parts_.keys.WasRotated();
  bool begun = false;
  absl::Status keys = rotated.status();
  const absl::Status written = parts_.log.BetweenBlocks([&](LogWriter& log) {
    const absl::Status status = rotated.ok() && *rotated ? log.BeginNextSegment(options_.now()) : absl::OkStatus();
    if (rotated.ok()) keys = log.next_segment();
    begun = rotated.ok() && *rotated && status.ok();
    current_segment_ = log.end().segment();
    // Without space for a segment, or a key, it is tried again the next time.
    return absl::IsResourceExhausted(status) || absl::IsUnavailable(status) ? absl::OkStatus() : status;
  });
  if (!written.ok()) return written;
  ReportKeys(keys);
  if (begun) spdlog::info("the key-encryption key was rotated: a new segment is begun");
  return absl::OkStatus();
}

void Housekeeper::ReportKeys(const absl::Status& status) {
  bool was_ok = false;
  {
    std::lock_guard lock(mutex_);
    was_ok = stats_.keys.ok();
    stats_.keys = status;
  }
  if (was_ok && !status.ok()) {
    spdlog::error(
        "no new segment can be begun, and what is recorded goes on being sealed with the key of the present one: {}",
        status.ToString());
  } else if (!was_ok && status.ok()) {
    spdlog::info("the key-encryption key is in reach again");
  }
}

absl::Status Housekeeper::DeleteOldSegments() {
  const Retention& retention = options_.retention;
  if (!retention.age.has_value() && !retention.bytes.has_value()) return absl::OkStatus();
  // Without the index nobody knows what is held.
  if (!parts_.index.Health().ok()) return absl::OkStatus();
  const auto due_beside = [&](const std::set<uint64_t>& held) {
    return FindDueSegments(parts_.place, parts_.keys, retention, current_segment_, held, options_.now());
  };
  // What is held takes a look through the whole index, which is only worth it if something would be deleted.
  const absl::StatusOr<DueSegments> at_most = due_beside({});
  if (at_most.ok() && at_most->segments.empty()) {
    ReportSize(at_most->exceeded_bytes);
    return absl::OkStatus();
  }
  // Who changes the holds, or shreds, has the lock: then it waits until the next time.
  const absl::StatusOr<std::unique_ptr<FileLock>> lock =
      FileLock::Take(parts_.place.layout().LegalHoldsLock(), FileLock::Wait::kNo);
  if (!lock.ok()) return absl::OkStatus();
  const absl::StatusOr<std::set<uint64_t>> held = HeldSegments(parts_.place, parts_.keys, parts_.engine);
  if (!held.ok()) {
    spdlog::error("nothing is deleted, because what is held cannot be told: {}", held.status().ToString());
    return absl::OkStatus();
  }
  const absl::StatusOr<DueSegments> due = due_beside(*held);
  if (!due.ok()) {
    spdlog::error("nothing is deleted, because the log cannot be looked through: {}", due.status().ToString());
    return absl::OkStatus();
  }
  ReportSize(due->exceeded_bytes);
  return due->segments.empty() ? absl::OkStatus() : DeleteSegments(due->segments);
}

void Housekeeper::ReportSize(uint64_t exceeded_bytes) {
  uint64_t before = 0;
  {
    std::lock_guard lock(mutex_);
    before = std::exchange(stats_.retention_exceeded_bytes, exceeded_bytes);
  }
  if (before == 0 && exceeded_bytes != 0) {
    spdlog::error(
        "the log is {} bytes larger than retention_size and grows on: what could be deleted is younger than "
        "retention_min_age, held or damaged. When the disk is full new calls are refused",
        exceeded_bytes);
  } else if (before != 0 && exceeded_bytes == 0) {
    spdlog::info("the log is not larger than retention_size any more");
  }
}

absl::Status Housekeeper::DeleteSegments(const std::vector<uint64_t>& segments) {
  absl::StatusOr<v1::Tombstone> last = LoadTombstone(parts_.place.layout());
  absl::StatusOr<v1::Tombstone> tombstone =
      last.ok() ? MakeTombstone(parts_.place, parts_.keys, *last, segments, options_.now()) : last.status();
  if (!tombstone.ok()) {
    spdlog::error("nothing is deleted: {}", tombstone.status().ToString());
    return absl::OkStatus();
  }
  // Said in the log, and signed, before anything is gone.
  const std::string said = tombstone->SerializeAsString();
  const absl::Status written =
      parts_.log.BetweenBlocks([&](LogWriter& log) { return log.AppendTombstone(said, options_.now()); });
  if (!written.ok()) return written;
  absl::Status status = parts_.checkpointer.Flush();
  if (status.ok()) status = KeepTombstone(parts_.place.layout(), parts_.files, *tombstone);
  if (status.ok()) {
    status = FinishDeletion(parts_.place, parts_.files, *tombstone,
                            [&](const std::vector<uint64_t>& left, absl::FunctionRef<bool(uint64_t)> is_deleted) {
                              return parts_.index.WithIndex([&](CallIndex& index) {
                                return ForgetSegments(parts_.place, parts_.keys, index, left, is_deleted);
                              });
                            });
  }
  if (!status.ok()) {
    spdlog::error("segments that are to be deleted are still there; the next start deletes them: {}",
                  status.ToString());
    return absl::OkStatus();
  }
  spdlog::info("retention: deleted segments {} to {}, {} in all", segments.front(), segments.back(), segments.size());
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
