#include "gateway/checkpoints/http_sink.h"

#include <utility>

namespace sallyport::gateway {

HttpSink::HttpSink(std::string url, std::unique_ptr<HttpClient> client)
    : url_(std::move(url)), name_("url " + PublicPart(url_)), client_(std::move(client)) {}

absl::Status HttpSink::Publish(const recorder::SignedCheckpoint& checkpoint, recorder::CheckpointSource& /*source*/) {
  absl::StatusOr<HttpResponse> response = client_->Send(TextPost(url_, checkpoint.note));
  if (!response.ok()) return response.status();
  return response->status / 100 == 2 ? absl::OkStatus() : UnexpectedAnswer(*response);
}

}  // namespace sallyport::gateway
