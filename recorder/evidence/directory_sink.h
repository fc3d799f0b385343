// Publishes checkpoints as files.
#ifndef SALLYPORT_RECORDER_EVIDENCE_DIRECTORY_SINK_H_
#define SALLYPORT_RECORDER_EVIDENCE_DIRECTORY_SINK_H_

#include <string>

#include "recorder/evidence/checkpoint_sink.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// Writes each checkpoint to `<directory>/<origin, "/" as "_">-<size, 20 digits>.checkpoint` and the newest also to
// `<origin>-latest.checkpoint`; after a crash each is there as a whole or not at all. Files are never removed: the
// directory is meant to be one that the gateway can only add to. DATA_LOSS if a file there is of the same size but
// another tree, or the latest is of a larger one: somebody rolled the store back. Used by one thread at a time.
class DirectorySink : public CheckpointSink {
 public:
  // The directory is created with mode 0700 if it does not exist. `files` must outlive the sink.
  DirectorySink(std::string directory, FileSystem& files);

  const std::string& name() const override { return name_; }
  absl::Status Publish(const SignedCheckpoint& checkpoint, CheckpointSource& source) override;

 private:
  // Whether what is at `path`, if anything, leaves room for the checkpoint.
  absl::Status Compare(const std::string& path, const Checkpoint& checkpoint) const;

  const std::string directory_;
  const std::string name_;
  FileSystem& files_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_EVIDENCE_DIRECTORY_SINK_H_
