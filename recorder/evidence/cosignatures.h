// What witnesses said of a store's checkpoints.
#ifndef SALLYPORT_RECORDER_EVIDENCE_COSIGNATURES_H_
#define SALLYPORT_RECORDER_EVIDENCE_COSIGNATURES_H_

#include <map>
#include <mutex>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "recorder/format/checkpoint.h"
#include "recorder/format/store_layout.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// Collects the cosignatures that come in from several witnesses for a few recent checkpoints, and keeps one checkpoint
// in tree/cosigned: the one with the most, and of several such the newest. So witnesses that answer at different times
// do not push each other out, and one that falls silent holds the file back for a few checkpoints only. Thread-safe.
class Cosignatures {
 public:
  static constexpr size_t kRecent = 16;

  // What an earlier process kept for the log with this key is taken over, if it is whole. `files` must outlive it.
  Cosignatures(const StoreLayout& layout, FileSystem& files, const VerifierKey& log_key);

  // The signatures must have been verified.
  absl::Status Keep(const SignedCheckpoint& checkpoint, absl::Span<const NoteSignature> signatures);

 private:
  // A checkpoint with the store's signature, and a witness's last word on it for each name and key.
  struct Cosigned {
    SignedNote note;
    std::map<std::pair<std::string, uint32_t>, NoteSignature> by_witness;

    std::string Format() const;
  };

  std::map<uint64_t, Cosigned>::const_iterator Best() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  FileSystem& files_;
  std::mutex mutex_;
  std::map<uint64_t, Cosigned> recent_ ABSL_GUARDED_BY(mutex_);  // by size
  std::string kept_ ABSL_GUARDED_BY(mutex_);                     // in the file
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_EVIDENCE_COSIGNATURES_H_
