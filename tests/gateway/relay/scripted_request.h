// What a caller asks for, as a test says it.
#ifndef SALLYPORT_TESTS_GATEWAY_RELAY_SCRIPTED_REQUEST_H_
#define SALLYPORT_TESTS_GATEWAY_RELAY_SCRIPTED_REQUEST_H_

#include <string>
#include <utility>
#include <vector>

#include "gateway/relay/legs/caller_leg.h"

namespace sallyport::gateway {

// Came over no connection. Everything may be changed before somebody looks.
class ScriptedRequest final : public CallerRequest {
 public:
  explicit ScriptedRequest(std::string path, std::vector<std::pair<std::string, std::string>> metadata = {})
      : path_text(std::move(path)), pairs_(std::move(metadata)) {
    for (const auto& [name, value] : pairs_) metadata_.emplace(name, value);
  }

  const std::string& path() const override { return path_text; }
  const std::string& authority() const override { return authority_text; }
  const GrpcMetadata& metadata() const override { return metadata_; }
  std::string transport_peer() const override { return peer; }
  PeerCertificates Certificates() const override { return {}; }
  absl::Duration TimeLeft() const override { return time_left; }
  grpc_compression_algorithm encoding() const override { return GRPC_COMPRESS_NONE; }
  uint32_t accepted_encodings() const override { return 1; }

  std::string path_text;
  std::string authority_text = "payments";
  std::string peer = "unix:";
  absl::Duration time_left = absl::InfiniteDuration();

 private:
  const std::vector<std::pair<std::string, std::string>> pairs_;
  GrpcMetadata metadata_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_TESTS_GATEWAY_RELAY_SCRIPTED_REQUEST_H_
