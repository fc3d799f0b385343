// RFC 6962 (RFC 9162 section 2.1) inclusion and consistency proofs: making them from leaf hashes, and checking them.
#ifndef SALLYPORT_RECORDER_CRYPTO_PROOFS_H_
#define SALLYPORT_RECORDER_CRYPTO_PROOFS_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "recorder/crypto/merkle.h"

namespace sallyport::recorder {

// No tree is larger, so that sums of sizes fit 64 bits.
constexpr uint64_t kMaxTreeSize = uint64_t{1} << 62;
// No proof about such a tree has more hashes.
constexpr size_t kMaxProofHashes = 64;

// OK if the proof shows that `leaf` is the leaf hash number `index` (from 0) of the tree of `size` leaves with this
// root (RFC 9162 section 2.1.3.2). INVALID_ARGUMENT otherwise, whatever the numbers are.
absl::Status VerifyInclusion(const Hash& leaf, uint64_t index, uint64_t size, absl::Span<const Hash> proof,
                             const Hash& root);

// OK if the proof shows that the tree of `new_size` leaves begins with all leaves of the tree of `old_size` (RFC 9162
// section 2.1.4.2). Everything extends the empty tree, with an empty proof. INVALID_ARGUMENT otherwise.
absl::Status VerifyConsistency(uint64_t old_size, const Hash& old_root, uint64_t new_size, const Hash& new_root,
                               absl::Span<const Hash> proof);

// Makes proofs over leaf hashes that are read when they are needed. It keeps the root of each complete run of 1,024
// leaves it has read (32 bytes for them), so that only the first proof about a tree reads all leaves; a later one reads
// two runs. Not thread-safe.
class Prover {
 public:
  // Fills `out` with the leaf hashes from number `first` on, all of which are below the size that was asked about.
  // A leaf that was read must never change.
  using ReadLeaves = std::function<absl::Status(uint64_t first, absl::Span<Hash> out)>;

  explicit Prover(ReadLeaves read) : read_(std::move(read)) {}

  // Of the tree of the first `size` leaves. Errors, here and below: INVALID_ARGUMENT for numbers that make no sense,
  // and those of reading.
  absl::StatusOr<Hash> Root(uint64_t size);
  // PATH(index, D[size]): that the leaf is in the tree of `size` leaves. `index` < `size`.
  absl::StatusOr<std::vector<Hash>> Inclusion(uint64_t index, uint64_t size);
  // PROOF(old_size, D[new_size]). Empty if `old_size` is 0 or `new_size`.
  absl::StatusOr<std::vector<Hash>> Consistency(uint64_t old_size, uint64_t new_size);

 private:
  // The root over leaves [begin, end), `begin` being a multiple of the smallest power of two not below their number.
  absl::StatusOr<Hash> Range(uint64_t begin, uint64_t end);
  // Reads all complete runs that end at or before `end`.
  absl::Status ReadRuns(uint64_t end);

  const ReadLeaves read_;
  std::vector<Hash> runs_;    // the roots of the first runs
  std::vector<Hash> buffer_;  // for reading
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_CRYPTO_PROOFS_H_
