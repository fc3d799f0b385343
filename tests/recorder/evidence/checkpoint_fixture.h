// What the tests of checkpoints share.
#ifndef SALLYPORT_TESTS_RECORDER_EVIDENCE_CHECKPOINT_FIXTURE_H_
#define SALLYPORT_TESTS_RECORDER_EVIDENCE_CHECKPOINT_FIXTURE_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/proofs.h"
#include "recorder/evidence/checkpointer.h"
#include "recorder/keys/store_keys.h"

namespace sallyport::recorder::testing {

// Keys without files.
class FakeKeys : public StoreKeys {
 public:
  explicit FakeKeys(char byte = 'k') : signing_key_(SecretKey(std::string(SecretKey::kSize, byte))) {
    id_.fill('\x5a');
  }
  const StoreId& store_id() const override { return id_; }
  SecretKey Derive(std::string_view) const override { return SecretKey(std::string(SecretKey::kSize, 'd')); }
  const SigningKey& signing_key() const override { return signing_key_; }
  absl::StatusOr<DataKey> CreateDataKey(uint64_t) override { return absl::UnimplementedError("no data keys here"); }
  absl::StatusOr<DataKey> OpenDataKey(uint64_t) override { return absl::UnimplementedError("no data keys here"); }
  absl::StatusOr<bool> WasRotated() override { return false; }
  VerifierKey verifier() const {
    return *VerifierKey::Make(CheckpointOrigin(id_), SignatureType::kEd25519, signing_key_.public_key());
  }

 private:
  StoreId id_ = {};
  SigningKey signing_key_;
};

// A log reduced to its leaves: those in it are synced.
class FakeLog {
 public:
  // Of records that no other log has.
  void Append(size_t count, const std::string& salt) {
    for (size_t i = 0; i < count; ++i) leaves_.push_back(LeafHash(absl::StrCat(salt, " ", leaves_.size())));
  }
  const std::vector<Hash>& leaves() const { return leaves_; }
  size_t size() const { return leaves_.size(); }
  std::vector<Hash> From(uint64_t first) const {
    return {leaves_.begin() + static_cast<ptrdiff_t>(first), leaves_.end()};
  }
  TreeState State(uint64_t size) const {
    TreeState state;
    for (uint64_t i = 0; i < size; ++i) state.range.Append(leaves_[i]);
    state.end = Position(1 + size / 100, 128 + size);
    state.next_sequence = 1 + 3 * size;
    return state;
  }
  TreeState State() const { return State(leaves_.size()); }
  Hash Root(uint64_t size) const { return State(size).range.Root(); }

 private:
  std::vector<Hash> leaves_;
};

// Remembers what it was given.
class RecordingSink : public CheckpointSink {
 public:
  const std::string& name() const override { return name_; }
  absl::Status Publish(const SignedCheckpoint& checkpoint, CheckpointSource& source) override {
    std::unique_lock lock(mutex_);
    ++attempts_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    if (failures_ > 0) {
      --failures_;
      return absl::UnavailableError("not now");
    }
    if (check_) check_(checkpoint);
    if (proofs_ && !published_.empty()) {
      const Checkpoint& before = published_.back().checkpoint;
      auto proof = source.ConsistencyProof(before.size, checkpoint.checkpoint.size);
      if (!proof.ok()) return proof.status();
      absl::Status status =
          VerifyConsistency(before.size, before.root, checkpoint.checkpoint.size, checkpoint.checkpoint.root, *proof);
      if (!status.ok()) return status;
    }
    published_.push_back(checkpoint);
    changed_.notify_all();
    return absl::OkStatus();
  }
  void Cancel() override { Hold(false); }

  void Fail(int times) {
    std::lock_guard lock(mutex_);
    failures_ = times;
  }
  // While it is held, Publish does not return.
  void Hold(bool held) {
    std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void AskForProofs() { proofs_ = true; }
  // Called with each checkpoint, on the publisher's thread.
  void Check(std::function<void(const SignedCheckpoint&)> check) { check_ = std::move(check); }
  void WaitForAttempts(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return attempts_ >= count; });
  }
  void WaitForSize(uint64_t size) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !published_.empty() && published_.back().checkpoint.size >= size; });
  }
  std::vector<SignedCheckpoint> published() {
    std::lock_guard lock(mutex_);
    return published_;
  }

 private:
  const std::string name_ = "a test";
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<SignedCheckpoint> published_;
  std::function<void(const SignedCheckpoint&)> check_;
  int attempts_ = 0;
  int failures_ = 0;
  bool held_ = false;
  bool proofs_ = false;
};

// Signs only when told to.
inline Checkpointer::Options OnlyOnFlush() {
  Checkpointer::Options options;
  options.interval = absl::InfiniteDuration();
  options.blocks = uint64_t{1} << 40;
  options.pauses = {absl::Milliseconds(1), absl::Milliseconds(1), absl::Seconds(60)};
  return options;
}

}  // namespace sallyport::recorder::testing

#endif  // SALLYPORT_TESTS_RECORDER_EVIDENCE_CHECKPOINT_FIXTURE_H_
