// Where checkpoints go to be out of reach of whoever holds the machine.
#ifndef SALLYPORT_RECORDER_EVIDENCE_CHECKPOINT_SINK_H_
#define SALLYPORT_RECORDER_EVIDENCE_CHECKPOINT_SINK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "recorder/format/checkpoint.h"

namespace sallyport::recorder {

// What a sink may ask of the store whose checkpoint it publishes. Thread-safe. An interface, so that sinks, the
// gateway's among them, need not know the store, and their tests need none.
class CheckpointSource {
 public:
  virtual ~CheckpointSource() = default;
  // From the tree of `old_size` leaves to that of `new_size`, which must not be larger than the last checkpoint's.
  virtual absl::StatusOr<std::vector<Hash>> ConsistencyProof(uint64_t old_size, uint64_t new_size) = 0;
  // Keeps what witnesses answered, which the sink has verified, with the store (tree/cosigned).
  virtual absl::Status KeepCosignatures(const SignedCheckpoint& checkpoint,
                                        absl::Span<const NoteSignature> signatures) = 0;
};

// One place to publish to. Each sink is used by a thread of its own, so a slow one delays nobody else; it is given the
// newest checkpoint when it is done with the one before, and every checkpoint stands for all earlier ones.
class CheckpointSink {
 public:
  virtual ~CheckpointSink() = default;
  // For logs and statistics, such as "directory /mnt/checkpoints". Holds no secret.
  virtual const std::string& name() const = 0;
  // Returns once the checkpoint is there, or with why not; it is then tried again later. May block for seconds.
  // DATA_LOSS if the place knows a checkpoint that this one contradicts.
  virtual absl::Status Publish(const SignedCheckpoint& checkpoint, CheckpointSource& source) = 0;
  // Makes a Publish that is under way, and all later ones, return soon. From any thread.
  virtual void Cancel() {}
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_EVIDENCE_CHECKPOINT_SINK_H_
