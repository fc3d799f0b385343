// Events for an HTTP endpoint.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_EVENTS_HTTP_RECEIVER_H_
#define SALLYPORT_GATEWAY_OPERATIONS_EVENTS_HTTP_RECEIVER_H_

#include <memory>
#include <string>
#include <vector>

#include "gateway/http/http_client.h"
#include "gateway/operations/events/event_receiver.h"

namespace sallyport::gateway {

// POSTs each batch as lines of JSON (application/x-ndjson) in gzip. Any 2xx answer takes it, and nothing else does: 413
// asks for smaller batches, all others are tried again.
class HttpReceiver : public EventReceiver {
 public:
  HttpReceiver(EventHttpOptions options, std::unique_ptr<HttpClient> client)
      : options_(std::move(options)), client_(std::move(client)) {}

  absl::Status Send(const std::vector<Event>& events) override;
  void Cancel() override { client_->Cancel(); }

 private:
  const EventHttpOptions options_;
  const std::unique_ptr<HttpClient> client_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_EVENTS_HTTP_RECEIVER_H_
