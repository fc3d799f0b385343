// Publishes checkpoints to a URL.
#ifndef SALLYPORT_GATEWAY_CHECKPOINTS_HTTP_SINK_H_
#define SALLYPORT_GATEWAY_CHECKPOINTS_HTTP_SINK_H_

#include <memory>
#include <string>

#include "gateway/http/http_client.h"
#include "recorder/evidence/checkpoint_sink.h"

namespace sallyport::gateway {

// POSTs the note of each checkpoint as text/plain. Any 2xx answer says that it arrived.
class HttpSink : public recorder::CheckpointSink {
 public:
  HttpSink(std::string url, std::unique_ptr<HttpClient> client);

  const std::string& name() const override { return name_; }
  absl::Status Publish(const recorder::SignedCheckpoint& checkpoint, recorder::CheckpointSource& source) override;
  void Cancel() override { client_->Cancel(); }

 private:
  const std::string url_;
  const std::string name_;
  const std::unique_ptr<HttpClient> client_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_CHECKPOINTS_HTTP_SINK_H_
