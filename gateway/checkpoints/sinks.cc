#include "gateway/checkpoints/sinks.h"

#include <utility>

#include "gateway/checkpoints/http_sink.h"
#include "gateway/checkpoints/witness_sink.h"
#include "gateway/http/http_client.h"
#include "recorder/evidence/directory_sink.h"
#include "recorder/system/file.h"

namespace sallyport::gateway {

absl::StatusOr<std::vector<std::shared_ptr<recorder::CheckpointSink>>> MakeCheckpointSinks(
    const CheckpointOptions& options) {
  std::vector<std::shared_ptr<recorder::CheckpointSink>> sinks;
  HttpClient::Options http;
  http.ca_pem = options.ca_pem;
  if (!options.directory.empty()) {
    sinks.push_back(std::make_shared<recorder::DirectorySink>(options.directory, recorder::RealFileSystem()));
  }
  if (!options.url.empty()) {
    absl::StatusOr<std::unique_ptr<HttpClient>> client = HttpClient::Create(http);
    if (!client.ok()) return client.status();
    sinks.push_back(std::make_shared<HttpSink>(options.url, *std::move(client)));
  }
  for (const WitnessOptions& witness : options.witnesses) {
    absl::StatusOr<std::unique_ptr<HttpClient>> client = HttpClient::Create(http);
    if (!client.ok()) return client.status();
    sinks.push_back(std::make_shared<WitnessSink>(witness.url, witness.key, *std::move(client)));
  }
  return sinks;
}

}  // namespace sallyport::gateway
