// Has checkpoints cosigned by a witness.
#ifndef SALLYPORT_GATEWAY_CHECKPOINTS_WITNESS_SINK_H_
#define SALLYPORT_GATEWAY_CHECKPOINTS_WITNESS_SINK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "gateway/http/http_client.h"
#include "recorder/crypto/signed_note.h"
#include "recorder/evidence/checkpoint_sink.h"

namespace sallyport::gateway {

// Speaks add-checkpoint of c2sp.org/tlog-witness: sends each checkpoint with the proof that it extends the one this
// witness cosigned last, checks the cosignature it answers with against the key that was configured, and keeps it with
// the store. What the witness cosigned last is asked from it after a start. Used by one thread at a time, but for
// Cancel.
class WitnessSink : public recorder::CheckpointSink {
 public:
  // `url` is the witness's submission prefix, `key` its verifier key, of type kCosignature.
  WitnessSink(const std::string& url, recorder::VerifierKey key, std::unique_ptr<HttpClient> client);

  const std::string& name() const override { return name_; }
  absl::Status Publish(const recorder::SignedCheckpoint& checkpoint, recorder::CheckpointSource& source) override;
  void Cancel() override { client_->Cancel(); }

 private:
  // One request, as from the size the witness is thought to be at.
  absl::StatusOr<HttpResponse> Ask(const recorder::SignedCheckpoint& checkpoint, recorder::CheckpointSource& source);
  absl::Status KeepAnswer(const recorder::SignedCheckpoint& checkpoint, const std::string& lines,
                          recorder::CheckpointSource& source) const;
  // Takes over the size the witness says it is at, and says whether to ask again.
  absl::Status OnConflict(const recorder::SignedCheckpoint& checkpoint, const HttpResponse& response);

  const std::string url_;
  const recorder::VerifierKey key_;
  const std::string name_;
  const std::unique_ptr<HttpClient> client_;
  uint64_t cosigned_size_ = 0;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_CHECKPOINTS_WITNESS_SINK_H_
