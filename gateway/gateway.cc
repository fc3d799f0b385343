#include "gateway/gateway.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/stream_windows.h"
#include "gateway/upstream/attempt_watch.h"

namespace sallyport::gateway {
namespace {

// How long after a file has changed it is noticed, at most.
constexpr absl::Duration kFilesInterval = absl::Milliseconds(500);
// Versions of the policy that are remembered.
constexpr size_t kMostPolicies = 100;
}  // namespace

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(const GatewayOptions& options,
                                                        std::vector<Descriptor> inherited) {
  return Start(options, std::move(inherited), {});
}

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::TakeOver(const GatewayOptions& options,
                                                           std::vector<HandedSockets> handed) {
  return Start(options, {}, std::move(handed));
}

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(const GatewayOptions& options,
                                                        std::vector<Descriptor> inherited,
                                                        std::vector<HandedSockets> handed) {
  std::unique_ptr<Gateway> gateway(new Gateway);
  gateway->settings_watch_ = std::make_unique<SettingsWatch>([waiting = gateway.get()] { waiting->LogSettings(); });
  SetStreamWindow(options.window);
  gateway->window_ = options.window;
  gateway->data_directory_ = options.data_directory;
  if (absl::Status status = gateway->OpenRecorder(options); !status.ok()) return status;
  {
    absl::MutexLock lock(&gateway->reload_mutex_);
    gateway->receivers_ = options.events;
    absl::StatusOr<std::unique_ptr<OwnServices>> own = OwnServices::Start();
    if (!own.ok()) return own.status();
    gateway->own_ = *std::move(own);
    if (absl::Status status = gateway->MakeUpstreams(options); !status.ok()) return status;
    gateway->MakeCatalog();
    const auto loaded = gateway->LoadDescriptors(DescriptorPlan::Of(options));
    if (!loaded.ok()) return loaded.status();
    if (absl::Status status = gateway->MakeRules(options); !status.ok()) return status;
    gateway->health_ = std::make_unique<HealthService>(gateway->rules_.get(), options.listen_options.open_health,
                                                       [gateway = gateway.get()] { return gateway->Ready(); });
    gateway->own_->Add(gateway->health_.get());
    gateway->reflection_ = std::make_unique<ReflectionService>(gateway->catalog_.get());
    gateway->own_->Add(gateway->reflection_.get());
    gateway->refresher_ = std::make_unique<ReflectionRefresher>(gateway->catalog_.get());
    gateway->AskForReflection(options);
  }
  if (absl::Status status = gateway->Listen(options, std::move(inherited), std::move(handed)); !status.ok())
    return status;
  gateway->sessions_ = std::make_unique<Sessions>(options.session_idle);
  gateway->refusals_ = std::make_unique<RefusalFlood>(options.refusals, gateway->recorder_.get());
  gateway->headers_timer_ = std::make_unique<HeadersTimer>();
  gateway->timer_ = std::make_unique<CallTimer>();
  RelayContext& context = gateway->context_;
  context.recorder = gateway->recorder_.get();
  context.durability = options.durability;
  context.rules = gateway->rules_.get();
  context.catalog = gateway->catalog_.get();
  context.refresher = gateway->refresher_.get();
  context.own = gateway->own_.get();
  context.sessions = gateway->sessions_.get();
  context.refusals = gateway->refusals_.get();
  context.headers_timer = gateway->headers_timer_.get();
  gateway->open_calls_ = std::make_unique<OpenCalls>();
  context.timer = gateway->timer_.get();
  context.open_calls = gateway->open_calls_.get();
  context.misdescribed = &gateway->misdescribed_;
  context.reveal_key = gateway->reveal_key_.has_value() ? &*gateway->reveal_key_ : nullptr;
  context.connections = &gateway->listener_->connections();
  context.memory = gateway->memory_.get();
  context.metrics = gateway->call_metrics_.get();
  if (absl::Status status = gateway->ServeAdmin(options); !status.ok()) return status;
  if (absl::Status status = gateway->ServeApi(options); !status.ok()) return status;
  if (absl::Status status = gateway->Serve(options); !status.ok()) return status;
  gateway->WatchFiles();
  return gateway;
}

absl::Status Gateway::OpenRecorder(const GatewayOptions& options) {
  reveal_key_ = options.reveal_key;
  if (options.durability == Durability::kOff) {
    spdlog::warn("durability is off: calls are relayed and NOT recorded");
    // Nothing is kept that values would have to be equal to.
    const absl::StatusOr<recorder::SecretKey> key = recorder::SecretKey::Random();
    if (key.ok()) absl::c_copy(key->bytes(), mask_key_.begin());
    return key.status();
  }
  recorder::RecorderOptions recorder_options;
  recorder_options.directory = options.data_directory;
  recorder_options.keys = options.keys;
  recorder_options.buffer_bytes = options.buffer_bytes;
  recorder_options.segment_bytes = options.segment_bytes;
  recorder_options.retention = options.retention;
  absl::StatusOr<std::vector<std::shared_ptr<recorder::CheckpointSink>>> sinks =
      MakeCheckpointSinks(options.checkpoints);
  if (!sinks.ok()) return sinks.status();
  recorder_options.checkpoint_sinks = *std::move(sinks);
  recorder_options.checkpoint_interval = options.checkpoints.interval;
  absl::StatusOr<std::unique_ptr<recorder::Recorder>> recorder = recorder::Recorder::Open(recorder_options);
  if (!recorder.ok()) return recorder.status();
  recorder_ = *std::move(recorder);
  absl::c_copy(recorder_->DeriveKey("masks").bytes(), mask_key_.begin());
  // Before there can be calls: receivers that are new begin with the first one.
  events_ = std::make_unique<EventStreams>(options.data_directory, options.keys, ThisSource());
  return events_->Apply(options.events);
}

Upstream* Gateway::FindUpstream(const UpstreamOptions& options) const {
  for (const std::unique_ptr<Upstream>& upstream : upstreams_) {
    if (upstream->name() == options.name && upstream->source() == options.source) return upstream.get();
  }
  return nullptr;
}

absl::Status Gateway::MakeUpstreams(const GatewayOptions& options) {
  if (token_signer_ == nullptr && options.token_signing.has_value()) {
    absl::StatusOr<std::unique_ptr<TokenSigner>> signer = TokenSigner::Create(*options.token_signing, absl::Now());
    if (!signer.ok()) return signer.status();
    token_signer_ = *std::move(signer);
  }
  for (const UpstreamOptions& upstream_options : options.upstreams) {
    if (FindUpstream(upstream_options) != nullptr) continue;
    if (upstream_options.retry_bytes > 0 && !AttemptWatch::Supported()) {
      spdlog::warn("upstream {}: what it has not processed is not sent again, for gRPC {} does not tell",
                   upstream_options.name, grpc::Version());
    }
    absl::StatusOr<std::unique_ptr<Upstream>> upstream = Upstream::Create(upstream_options, token_signer_.get());
    if (!upstream.ok()) return upstream.status();
    upstreams_.push_back(*std::move(upstream));
  }
  return absl::OkStatus();
}

std::shared_ptr<const Routes> Gateway::MakeRoutes(const GatewayOptions& options) const {
  std::vector<RouteRule> rules;
  for (const RouteOptions& route : options.routes) {
    RouteRule rule;
    rule.services.assign(route.match.services().begin(), route.match.services().end());
    rule.methods.assign(route.match.methods().begin(), route.match.methods().end());
    rule.authorities.assign(route.match.authorities().begin(), route.match.authorities().end());
    rule.metadata.assign(route.match.metadata().begin(), route.match.metadata().end());
    rule.forward_authorization = route.match.forward_authorization();
    rule.default_deadline = route.default_deadline;
    rule.most_deadline = route.most_deadline;
    rule.idle = route.idle;
    rule.call_id_trailer = route.call_id_trailer;
    if (route.upstream == kOwnUpstream) rule.upstream = &own_->upstream();
    for (const UpstreamOptions& upstream : options.upstreams) {
      if (upstream.name == route.upstream) rule.upstream = FindUpstream(upstream);
    }
    rules.push_back(std::move(rule));
  }
  return std::make_shared<Routes>(std::move(rules));
}

absl::Status Gateway::MakeRules(const GatewayOptions& options) {
  auto rules = std::make_shared<CallRules>();
  absl::StatusOr<std::unique_ptr<Authenticator>> authenticator = Authenticator::Create(options.identity);
  if (!authenticator.ok()) return authenticator.status();
  rules->authenticator = *std::move(authenticator);
  rules->end_expired_calls = options.identity.end_expired_calls;
  rules->routes = MakeRoutes(options);
  AddReports(options, *rules);
  const std::string former = std::exchange(policy_file_, options.policy_file);
  if (absl::Status status = AddPolicy(*rules); !status.ok()) {
    policy_file_ = former;
    return status;
  }
  PutInForce(std::move(rules));
  config_ = options.source;
  config_file_ = options.file;
  config_lines_ = options.lines;
  config_warnings_ = options.identity.warnings;
  upstreams_in_force_.clear();
  for (const UpstreamOptions& upstream : options.upstreams) upstreams_in_force_.push_back(FindUpstream(upstream));
  return absl::OkStatus();
}

absl::Status Gateway::AddPolicy(CallRules& rules) {
  if (policy_file_.empty()) return absl::OkStatus();
  absl::StatusOr<std::shared_ptr<const policy::Policy>> policy = policy::Policy::Load(policy_file_);
  if (!policy.ok()) return policy.status();
  const std::shared_ptr<const CallRules> present = rules_ == nullptr ? nullptr : rules_->Get();
  rules.policy = *std::move(policy);
  rules.limits = std::make_unique<policy::Limits>(rules.policy, present == nullptr ? nullptr : present->limits.get());
  rules.reader_masks = std::make_shared<const policy::ReaderMasks>(rules.policy, mask_key_);
  rules.limits_bytes =
      absl::c_any_of(rules.policy->limits(), [](const policy::LimitRule& limit) { return limit.bytes_per_second > 0; });
  return AddMasks(rules);
}

absl::Status Gateway::AddMasks(CallRules& rules) {
  if (!rules.policy->looks_into_calls()) return absl::OkStatus();
  if (rules.policy->seals() && !reveal_key_.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(policy_file_,
                     ": a mask says seal, but the configuration has no data.reveal_key to seal to: make one with "
                     "`sallyport keys reveal-key`"));
  }
  const std::shared_ptr<const CallRules> present = rules_ == nullptr ? nullptr : rules_->Get();
  rules.masks = std::make_unique<PolicyMasks>(rules.policy, mask_key_, detections_);
  rules.masks->Prepare(catalog_ == nullptr ? DescriptorSets() : catalog_->Current(),
                       present == nullptr ? nullptr : present->masks.get());
  return absl::OkStatus();
}

void Gateway::PutInForce(std::shared_ptr<const CallRules> rules) {
  const std::string version = rules->policy == nullptr ? "none" : rules->policy->version();
  if (rules_ == nullptr) {
    rules_ = std::make_unique<CurrentRules>(std::move(rules));
  } else {
    rules_->Replace(std::move(rules));
  }
  spdlog::info("policy in force: {}", version);
  {
    absl::MutexLock lock(&shown_mutex_);
    if (policies_.empty() || policies_.front().first != version)
      policies_.emplace(policies_.begin(), version, absl::Now());
    if (policies_.size() > kMostPolicies) policies_.pop_back();
  }
  settings_watch_->Changed();
}

absl::Status Gateway::ReloadPolicy() {
  absl::MutexLock lock(&reload_mutex_);
  const std::shared_ptr<const CallRules> present = rules_->Get();
  auto rules = std::make_shared<CallRules>();
  rules->authenticator = present->authenticator;
  rules->routes = present->routes;
  rules->end_expired_calls = present->end_expired_calls;
  rules->tracer = present->tracer;
  rules->call_log = present->call_log;
  if (absl::Status status = AddPolicy(*rules); !status.ok()) return status;
  // Files are touched more often than they change.
  if (rules->policy != nullptr && present->policy != nullptr &&
      rules->policy->version() == present->policy->version()) {
    return absl::OkStatus();
  }
  PutInForce(std::move(rules));
  return absl::OkStatus();
}

void Gateway::WatchFiles() {
  std::vector<WatchedFiles> files;
  if (const std::shared_ptr<ServerTls> tls = servers_.tls(); tls != nullptr) {
    files.emplace_back("listen.tls", tls->Files(), [this, tls] { return reloads_.Add("listen.tls", tls->Reload()); });
  }
  if (api_ != nullptr && api_->tls() != nullptr) {
    files.emplace_back("api.tls", api_->tls()->Files(), [this] { return reloads_.Add("api.tls", ReloadApiTls()); });
  }
  std::string policy_file;
  {
    absl::MutexLock lock(&reload_mutex_);
    policy_file = policy_file_;
  }
  if (!policy_file.empty()) {
    files.emplace_back("policy", std::vector<std::string>{policy_file},
                       [this] { return reloads_.Add("policy", ReloadPolicy()); });
  }
  std::vector<std::string> descriptor_files;
  {
    absl::MutexLock lock(&reload_mutex_);
    for (const std::string& path : descriptor_plan_.files) {
      std::error_code error;
      if (!std::filesystem::is_directory(path, error)) descriptor_files.push_back(path);
    }
  }
  if (!descriptor_files.empty()) {
    files.emplace_back("descriptors", std::move(descriptor_files),
                       [this] { return reloads_.Add("descriptors", ReloadDescriptors()); });
  }
  file_watcher_ = files.empty() ? nullptr : std::make_unique<FileWatcher>(std::move(files), kFilesInterval);
}

Gateway::~Gateway() {
  absl::Status status = Shutdown(absl::ZeroDuration());
  if (!status.ok()) spdlog::error("the log could not be written out: {}", status.ToString());
}

}  // namespace sallyport::gateway
