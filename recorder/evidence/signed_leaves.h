// What evidence is proved by: a checkpoint, and the leaves of the log under it.
#ifndef SALLYPORT_RECORDER_EVIDENCE_SIGNED_LEAVES_H_
#define SALLYPORT_RECORDER_EVIDENCE_SIGNED_LEAVES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/crypto/proofs.h"
#include "recorder/format/store_layout.h"
#include "recorder/format/unchecked_checkpoint.h"
#include "recorder/system/file.h"
#include "sallyport/v1/evidence.pb.h"

namespace sallyport::recorder {

// A checkpoint, and the leaves under it. Not thread-safe.
class SignedLeaves {
 public:
  // `note` is a signed checkpoint of the store, read from the file `name`.
  static absl::StatusOr<SignedLeaves> Open(const StoreLayout& layout, const std::string& note, const std::string& name);

  const Checkpoint& checkpoint() const { return checkpoint_.checkpoint; }
  std::string Note() const { return checkpoint_.note.Format(); }

  // FAILED_PRECONDITION if it is not under the checkpoint.
  absl::Status Covers(uint64_t leaf) const;

  // Lives as long as this object. DATA_LOSS if the leaves are not those that were signed.
  absl::StatusOr<Prover*> MakeProver();

  // The subtrees that tile the leaves from `begin` up to `end`.
  absl::StatusOr<std::vector<Hash>> Tiles(uint64_t begin, uint64_t end) const;

 private:
  SignedLeaves(UncheckedCheckpoint checkpoint, ReadableFile file)
      : checkpoint_(std::move(checkpoint)), file_(std::make_shared<ReadableFile>(std::move(file))) {}

  static absl::Status ReadAt(const ReadableFile& file, uint64_t first, char* out, size_t count);

  UncheckedCheckpoint checkpoint_;
  std::shared_ptr<ReadableFile> file_;
  std::unique_ptr<Prover> prover_;
};

// Builds under the checkpoint that witnesses have cosigned, which convinces more people, or, if that does not do (it
// may be an older one), under the last. FAILED_PRECONDITION, saying why, if there is none.
absl::StatusOr<v1::Evidence> BuildUnderBest(const StoreLayout& layout,
                                            absl::FunctionRef<absl::StatusOr<v1::Evidence>(SignedLeaves&)> build);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_EVIDENCE_SIGNED_LEAVES_H_
