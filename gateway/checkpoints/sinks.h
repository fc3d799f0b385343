// Makes the places checkpoints go to from the configuration.
#ifndef SALLYPORT_GATEWAY_CHECKPOINTS_SINKS_H_
#define SALLYPORT_GATEWAY_CHECKPOINTS_SINKS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/crypto/signed_note.h"
#include "recorder/evidence/checkpoint_sink.h"

namespace sallyport::gateway {

struct WitnessOptions {
  std::string url;  // its submission prefix
  recorder::VerifierKey key;
};

struct CheckpointOptions {
  absl::Duration interval = absl::Seconds(1);
  std::string directory;  // none if empty
  std::string url;        // none if empty
  std::vector<WitnessOptions> witnesses;
  std::string ca_pem;  // for the URLs; the system's authorities if empty
};

absl::StatusOr<std::vector<std::shared_ptr<recorder::CheckpointSink>>> MakeCheckpointSinks(
    const CheckpointOptions& options);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_CHECKPOINTS_SINKS_H_
