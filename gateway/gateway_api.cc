// The part of Gateway that shows what is recorded.
#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/gateway.h"
#include "gateway/operations/events/event_mapping.h"
#include "recorder/system/file.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kMostPemBytes = size_t{16} << 20;

// What the files hold now. Errors say which cannot be read.
absl::StatusOr<ServerTlsMaterial> ReadMaterial(const ServerTlsOptions& options) {
  ServerTlsMaterial material;
  absl::StatusOr<std::string> certificates = recorder::ReadWholeFile(options.cert_file, kMostPemBytes);
  if (!certificates.ok()) return certificates.status();
  material.certificates_pem = *std::move(certificates);
  absl::StatusOr<std::string> key = recorder::ReadWholeFile(options.key_file, kMostPemBytes);
  if (!key.ok()) return key.status();
  material.key_pem = recorder::SecretText(*std::move(key));
  for (const std::string& file : options.client_ca_files) {
    const absl::StatusOr<std::string> authorities = recorder::ReadWholeFile(file, kMostPemBytes);
    if (!authorities.ok()) return authorities.status();
    absl::StrAppend(&material.client_authorities_pem, *authorities, "\n");
  }
  if (options.callers == ServerTlsOptions::Callers::kMayShowOne) {
    material.clients = ServerTlsMaterial::Clients::kMayShowOne;
  }
  return material;
}

}  // namespace

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
  return ServeDoor(options.api);
}

absl::Status Gateway::ServeDoor(const ApiOptions& options) {
  if (options.address.empty()) return absl::OkStatus();
  HttpDoorOptions door;
  door.address = options.address;
  door.origins = options.origins;
  door.hosts = options.hosts;
  if (options.tls.has_value()) {
    absl::StatusOr<ServerTlsMaterial> material = ReadMaterial(*options.tls);
    if (!material.ok()) return material.status();
    door.tls = *std::move(material);
  }
  if (options.login.oidc.has_value()) {
    spdlog::warn("api.login: nobody can log in with a browser yet: readers show a token, an API key or a certificate");
  }
  absl::StatusOr<std::unique_ptr<HttpDoor>> started = HttpDoor::Start(std::move(door), api_.get(), {});
  if (!started.ok()) return started.status();
  door_ = *std::move(started);
  door_tls_ = options.tls;
  spdlog::info("api: HTTP on {}", door_->address());
  return absl::OkStatus();
}

absl::Status Gateway::ReloadApiTls() {
  if (api_->tls() != nullptr) {
    if (absl::Status status = api_->tls()->Reload(); !status.ok()) return status;
  }
  if (door_ == nullptr || !door_tls_.has_value()) return absl::OkStatus();
  const absl::StatusOr<ServerTlsMaterial> material = ReadMaterial(*door_tls_);
  return material.ok() ? door_->RenewTls(*material) : material.status();
}

}  // namespace sallyport::gateway
