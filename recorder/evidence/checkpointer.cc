#include "recorder/evidence/checkpointer.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/proofs.h"
#include "recorder/evidence/cosignatures.h"

namespace sallyport::recorder {
namespace {

// Of tree/leaves, with what is kept up to `at` left in place and what is behind dropped. `known` leaves must be there.
absl::StatusOr<std::unique_ptr<File>> OpenLeaves(const StoreLayout& layout, FileSystem& files, uint64_t known,
                                                 uint64_t at) {
  if (absl::Status status = files.EnsureDirectory(layout.TreeDirectory()); !status.ok()) return status;
  uint64_t present = 0;
  absl::StatusOr<LeafFile> reader = LeafFile::Open(layout);
  if (reader.ok()) {
    absl::StatusOr<uint64_t> size = reader->Size();
    if (!size.ok()) return size.status();
    present = *size;
  } else if (!absl::IsNotFound(reader.status())) {
    return reader.status();
  }
  if (present < known) {
    return absl::DataLossError(absl::StrCat(layout.Leaves(), " holds ", present, " leaf hashes, but a checkpoint over ",
                                            known, " was signed. Put it back from a backup"));
  }
  absl::StatusOr<std::unique_ptr<File>> file =
      reader.ok() ? files.Open(layout.Leaves()) : files.Create(layout.Leaves());
  if (!file.ok()) return file.status();
  if (!reader.ok()) {
    if (absl::Status status = files.SyncDirectory(layout.TreeDirectory()); !status.ok()) return status;
  }
  if (absl::Status status = (*file)->Truncate(at * sizeof(Hash)); !status.ok()) return status;
  return file;
}

std::chrono::nanoseconds AsWait(absl::Duration duration) {
  return absl::ToChronoNanoseconds(std::min(duration, absl::Hours(24 * 365)));
}

}  // namespace

class Checkpointer::Source : public CheckpointSource {
 public:
  Source(const StoreLayout& layout, FileSystem& files, const VerifierKey& log_key)
      : layout_(layout),
        cosignatures_(layout, files, log_key),
        prover_([this](uint64_t first, absl::Span<Hash> out) { return ReadLeaves(first, out); }) {}

  // Proofs up to here may be asked for from now on.
  void Extend(uint64_t size) { size_ = size; }

  absl::StatusOr<std::vector<Hash>> ConsistencyProof(uint64_t old_size, uint64_t new_size) override {
    if (new_size > size_) {
      return absl::InvalidArgumentError(absl::StrCat("no checkpoint over ", new_size, " leaves was signed yet"));
    }
    std::lock_guard lock(mutex_);
    return prover_.Consistency(old_size, new_size);
  }

  absl::Status KeepCosignatures(const SignedCheckpoint& checkpoint,
                                absl::Span<const NoteSignature> signatures) override {
    return cosignatures_.Keep(checkpoint, signatures);
  }

 private:
  absl::Status ReadLeaves(uint64_t first, absl::Span<Hash> out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!leaves_.has_value()) {
      absl::StatusOr<LeafFile> leaves = LeafFile::Open(layout_);
      if (!leaves.ok()) return leaves.status();
      leaves_ = *std::move(leaves);
    }
    return leaves_->Read(first, out);
  }

  const StoreLayout layout_;
  Cosignatures cosignatures_;
  std::atomic<uint64_t> size_ = 0;
  std::mutex mutex_;
  std::optional<LeafFile> leaves_ ABSL_GUARDED_BY(mutex_);
  Prover prover_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<Checkpointer>> Checkpointer::Start(const StoreLayout& layout, const StoreKeys& keys,
                                                                  FileSystem& files, Options options,
                                                                  const TreeState& at) {
  absl::StatusOr<std::optional<StoredCheckpoint>> persisted = LoadStoredCheckpoint(layout, keys);
  if (!persisted.ok()) return persisted.status();
  const uint64_t begin = at.range.end();
  const uint64_t known = persisted->has_value() ? (*persisted)->checkpoint.checkpoint.size : 0;
  if (persisted->has_value() && begin == known && at.range.nodes() != (*persisted)->state.range.nodes()) {
    return absl::DataLossError(absl::StrCat("the log's tree of ", known, " leaves is another than the one ",
                                            layout.Checkpoint(), " was signed for"));
  }
  absl::StatusOr<VerifierKey> log_key = CheckpointVerifierKey(keys.store_id(), keys.signing_key());
  if (!log_key.ok()) return log_key.status();
  absl::StatusOr<std::unique_ptr<File>> leaves = OpenLeaves(layout, files, std::min(known, begin), begin);
  if (!leaves.ok()) return leaves.status();
  std::unique_ptr<Checkpointer> checkpointer(
      new Checkpointer(layout, keys, files, std::move(options), at, *std::move(persisted), *log_key));
  checkpointer->leaves_file_ = *std::move(leaves);
  checkpointer->thread_ = std::thread([self = checkpointer.get()] { self->Loop(); });
  return checkpointer;
}

Checkpointer::Checkpointer(const StoreLayout& layout, const StoreKeys& keys, FileSystem& files, Options options,
                           const TreeState& at, std::optional<StoredCheckpoint> persisted, const VerifierKey& log_key)
    : layout_(layout),
      keys_(keys),
      files_(files),
      options_(std::move(options)),
      grown_(at.range),
      synced_(at.range.end()),
      advanced_to_(at.range.end()),
      attempted_to_(at.range.end()),
      source_(std::make_unique<Source>(layout, files, log_key)) {
  for (const std::shared_ptr<CheckpointSink>& sink : options_.sinks) {
    publishers_.push_back(std::make_unique<CheckpointPublisher>(sink, *source_, options_.pauses));
  }
  if (!persisted.has_value()) return;
  signed_ = persisted->checkpoint.checkpoint;
  size_ = signed_->size;
  // It may not have reached the sinks before.
  Publish(std::move(persisted->checkpoint));
}

Checkpointer::~Checkpointer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  for (const std::unique_ptr<CheckpointPublisher>& publisher : publishers_) publisher->Stop();
}

void Checkpointer::Advance(absl::Span<const Hash> leaves, const TreeState& state) {
  std::lock_guard lock(mutex_);
  if (given_up_) return;
  // What comes at once may be more: recovery hands over all leaves of a log whose tree is gone.
  if (queue_.size() + unsynced_count_ >= options_.most_waiting) {
    GiveUp(absl::ResourceExhaustedError(absl::StrCat("too many leaf hashes wait for the disk, which said: ",
                                                     health_.ok() ? "nothing" : health_.message())));
    return;
  }
  queue_.insert(queue_.end(), leaves.begin(), leaves.end());
  const bool first = !state_.has_value();
  state_ = state;
  advanced_to_ += leaves.size();
  // The thread sleeps until there is something, and then until it is time.
  if (first || advanced_to_ - attempted_to_ >= options_.blocks) wake_.notify_one();
}

absl::Status Checkpointer::Flush() {
  std::unique_lock lock(mutex_);
  const uint64_t ticket = ++flushes_wanted_;
  wake_.notify_one();
  turned_.wait(lock, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return flushes_done_ >= ticket; });
  return health_;
}

absl::Status Checkpointer::WaitForSinks() {
  absl::Status first;
  for (const std::unique_ptr<CheckpointPublisher>& publisher : publishers_) first.Update(publisher->Wait());
  return first;
}

absl::Status Checkpointer::Health() const {
  std::lock_guard lock(mutex_);
  return health_;
}

Checkpointer::Stats Checkpointer::stats() const {
  Stats stats;
  {
    std::lock_guard lock(mutex_);
    stats.size = size_;
    stats.checkpoints = checkpoints_;
    stats.waiting = advanced_to_ - std::min(advanced_to_, size_);
    stats.health = health_;
    stats.signed_at = signed_at_;
  }
  for (const std::unique_ptr<CheckpointPublisher>& publisher : publishers_) stats.sinks.push_back(publisher->stats());
  return stats;
}

void Checkpointer::Loop() {
  std::unique_lock lock(mutex_);
  Clock::time_point last = Clock::now();
  while (true) {
    WaitForTurn(lock, last);
    const bool stopping = stopping_;
    const uint64_t ticket = flushes_wanted_;
    if (state_.has_value()) TakeTurn(lock);
    last = Clock::now();
    flushes_done_ = ticket;
    turned_.notify_all();
    if (stopping) return;
  }
}

void Checkpointer::WaitForTurn(std::unique_lock<std::mutex>& lock, Clock::time_point last) {
  const auto urgent = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || flushes_wanted_ > flushes_done_ ||
           (state_.has_value() && advanced_to_ - attempted_to_ >= options_.blocks);
  };
  wake_.wait(lock, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return urgent() || state_.has_value(); });
  wake_.wait_until(lock, last + AsWait(options_.interval), urgent);
}

void Checkpointer::TakeTurn(std::unique_lock<std::mutex>& lock) {
  const TreeState state = *std::exchange(state_, std::nullopt);
  const std::vector<Hash> leaves = std::exchange(queue_, {});
  unsynced_count_ += leaves.size();
  attempted_to_ = advanced_to_;
  lock.unlock();
  absl::Status status = Grow(leaves, state);
  const bool contradiction = !status.ok();
  unsynced_.insert(unsynced_.end(), leaves.begin(), leaves.end());
  if (!contradiction) status = Persist(state);
  lock.lock();
  unsynced_count_ = unsynced_.size();
  if (signed_.has_value() && signed_->size > size_) {
    size_ = signed_->size;
    ++checkpoints_;
    signed_at_ = Clock::now();
  }
  if (given_up_) return;
  if (contradiction) return GiveUp(status);
  if (!status.ok() && !state_.has_value()) state_ = state;
  SetHealth(std::move(status));
}

void Checkpointer::SetHealth(absl::Status health) {
  if (health_.ok() && !health.ok()) {
    spdlog::error("a checkpoint could not be signed and kept; it is tried again: {}", health.ToString());
  } else if (!health_.ok() && health.ok()) {
    spdlog::info("checkpoints are signed again");
  }
  health_ = std::move(health);
}

void Checkpointer::GiveUp(const absl::Status& why) {
  given_up_ = true;
  queue_ = {};
  state_.reset();
  health_ = absl::Status(
      why.code(), absl::StrCat("no checkpoint is signed any more until the gateway is started again: ", why.message()));
  spdlog::error("{}", std::string(health_.message()));
}

absl::Status Checkpointer::Grow(absl::Span<const Hash> leaves, const TreeState& state) {
  for (const Hash& leaf : leaves) {
    grown_.Append(leaf);
    if (signed_.has_value() && grown_.end() == signed_->size && grown_.Root() != signed_->root) {
      return absl::DataLossError(
          absl::StrCat("the log's tree of ", signed_->size, " leaves is another than the one that was signed"));
    }
  }
  if (grown_.end() != state.range.end() || grown_.nodes() != state.range.nodes()) {
    return absl::InternalError(absl::StrCat("the leaves handed over do not lead to the tree of ", state.range.end()));
  }
  return absl::OkStatus();
}

absl::Status Checkpointer::Persist(const TreeState& state) {
  if (absl::Status status = SyncLeaves(); !status.ok()) return status;
  // Nothing new, or still on the way to what was signed before.
  if (grown_.end() <= (signed_.has_value() ? signed_->size : 0)) return absl::OkStatus();
  absl::StatusOr<SignedCheckpoint> checkpoint =
      SignCheckpoint({CheckpointOrigin(keys_.store_id()), grown_.end(), grown_.Root(), {}}, keys_.signing_key());
  if (!checkpoint.ok()) return checkpoint.status();
  const StoredCheckpoint stored = {*std::move(checkpoint), state};
  if (absl::Status status = ReplaceFile(files_, layout_.Checkpoint(), stored.Format()); !status.ok()) return status;
  signed_ = stored.checkpoint.checkpoint;
  Publish(stored.checkpoint);
  return absl::OkStatus();
}

absl::Status Checkpointer::SyncLeaves() {
  if (unsynced_.empty()) return absl::OkStatus();
  // After an error nothing is known about the file's pages: they are written again through a new descriptor.
  std::unique_ptr<File> file = std::exchange(leaves_file_, nullptr);
  if (file == nullptr) {
    absl::StatusOr<std::unique_ptr<File>> opened = files_.Open(layout_.Leaves());
    if (!opened.ok()) return opened.status();
    file = *std::move(opened);
  }
  const std::string_view bytes(unsynced_.data()->data(), unsynced_.size() * sizeof(Hash));
  if (absl::Status status = file->Write(synced_ * sizeof(Hash), bytes); !status.ok()) return status;
  if (absl::Status status = file->Sync(); !status.ok()) return status;
  synced_ += unsynced_.size();
  unsynced_.clear();
  leaves_file_ = std::move(file);
  return absl::OkStatus();
}

void Checkpointer::Publish(SignedCheckpoint checkpoint) {
  const auto shared = std::make_shared<const SignedCheckpoint>(std::move(checkpoint));
  source_->Extend(shared->checkpoint.size);
  for (const std::unique_ptr<CheckpointPublisher>& publisher : publishers_) publisher->Offer(shared);
}

}  // namespace sallyport::recorder
