// The part of Gateway that shows what is recorded.
#include <spdlog/spdlog.h>

#include <utility>

#include "absl/time/clock.h"
#include "gateway/gateway.h"
#include "gateway/operations/events/event_mapping.h"

namespace sallyport::gateway {

OperationsHooks Gateway::ApiHooks(const GatewayOptions& options) {
  OperationsHooks hooks;
  hooks.data_directory = options.data_directory;
  hooks.keys = options.keys;
  hooks.version = ThisSource().version;
  hooks.started = absl::Now();
  hooks.ready = [this] { return Ready(); };
  hooks.calls_open = [recorder = recorder_.get()] { return recorder->Stats().calls_open; };
  hooks.configuration = [this] {
    absl::MutexLock lock(&reload_mutex_);
    return config_;
  };
  hooks.configuration_file = [this] {
    absl::MutexLock lock(&reload_mutex_);
    return config_file_ == "flags" ? std::string() : config_file_;
  };
  hooks.warnings = [this] {
    absl::MutexLock lock(&shown_mutex_);
    return odd_texts_;
  };
  hooks.policy_file = [this] {
    absl::MutexLock lock(&reload_mutex_);
    return policy_file_;
  };
  hooks.policies = [this] {
    absl::MutexLock lock(&shown_mutex_);
    return policies_;
  };
  return hooks;
}

absl::Status Gateway::ServeApi(const GatewayOptions& options) {
  // Where nothing is recorded there is nothing to be shown.
  if (recorder_ == nullptr) return absl::OkStatus();
  ApiParts parts;
  parts.recorder = recorder_.get();
  parts.rules = rules_.get();
  parts.data_directory = options.data_directory;
  parts.keys = options.keys;
  parts.refusals = options.refusals;
  parts.operations = ApiHooks(options);
  absl::StatusOr<std::unique_ptr<ApiServer>> api = ApiServer::Start(options.api, parts);
  if (!api.ok()) return api.status();
  api_ = *std::move(api);
  if (!api_->grpc_address().empty()) spdlog::info("api: native gRPC on {}", api_->grpc_address());
  // The door for HTTP (options.api.address, tls, origins, hosts and login) stands on *api_, and is to end before it.
  return absl::OkStatus();
}

}  // namespace sallyport::gateway
