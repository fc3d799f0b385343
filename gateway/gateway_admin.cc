// What the gateway tells at its admin endpoint.
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/gateway.h"

namespace sallyport::gateway {
namespace {

// How long others may keep the keys of the tokens that the gateway signs.
constexpr absl::Duration kKeysKept = absl::Minutes(1);
constexpr char kPlainText[] = "text/plain; charset=utf-8";

void Add(const RefusalCounts& more, RefusalCounts& counts) {
  for (size_t i = 0; i < kRefusalReasons; ++i) counts.by_reason[i] += more.by_reason[i];
  counts.only_counted += more.only_counted;
}

}  // namespace

GatewayNumbers Gateway::Numbers() {
  GatewayNumbers numbers;
  if (recorder_ != nullptr) numbers.recorder = recorder_->Stats();
  if (events_ != nullptr) numbers.events = events_->Numbers();
  numbers.detections = detections_->Read();
  numbers.refusals = refusals_->counts();
  if (api_ != nullptr) Add(api_->refusals(), numbers.refusals);
  numbers.listener.connections = listener_->connections().size();
  numbers.listener.most_connections = listener_->connections().most();
  numbers.listener.connections_refused = listener_->refused();
  numbers.listener.memory_used = memory_->resident() + memory_->charged();
  numbers.listener.memory_budget = memory_->bytes();
  numbers.odd_settings = odd_settings_.load();
  if (const std::shared_ptr<Tracer> tracer = rules_->Get()->tracer; tracer != nullptr) {
    numbers.spans = tracer->exporter().counts();
  }
  const ReloadOutcomes::Numbers reloads = reloads_.Read();
  numbers.lifetime = {reloads.taken, reloads.refused, reloads.ok, draining_.load(), servers_.left()};
  // By name: a configuration that was read again may have another upstream of the same.
  std::map<std::string, uint64_t> sent_again;
  {
    absl::MutexLock lock(&reload_mutex_);
    for (const std::unique_ptr<Upstream>& upstream : upstreams_) sent_again[upstream->name()] += upstream->sent_again();
  }
  numbers.upstreams.reserve(sent_again.size());
  for (const auto& [name, calls] : sent_again) numbers.upstreams.push_back({name, calls});
  return numbers;
}

absl::Status Gateway::ServeAdmin(const GatewayOptions& options) {
  admin_made_ = options.admin_address;
  if (admin_made_.empty()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<AdminServer>> admin = StartAdmin(admin_made_);
  if (!admin.ok()) return admin.status();
  admin_ = *std::move(admin);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<AdminServer>> Gateway::StartAdmin(const std::string& address) {
  AdminServer::Handlers handlers;
  handlers["/healthz"] = [] { return AdminAnswer{200, kPlainText, "ok\n", absl::ZeroDuration()}; };
  handlers["/readyz"] = [this] {
    const absl::Status ready = Ready();
    return AdminAnswer{ready.ok() ? 200 : 503, kPlainText, ready.ok() ? "ok\n" : absl::StrCat(ready.message(), "\n"),
                       absl::ZeroDuration()};
  };
  handlers["/metrics"] = [this] {
    std::string text = MetricsText(Numbers());
    text += OperationsText(*call_metrics_, Operations());
    return AdminAnswer{200, kMetricsContentType, std::move(text), absl::ZeroDuration()};
  };
  if (token_signer_ != nullptr) {
    handlers["/.well-known/jwks.json"] = [signer = token_signer_.get()] {
      return AdminAnswer{200, "application/jwk-set+json", signer->KeySet(absl::Now()), kKeysKept};
    };
    handlers["/.well-known/openid-configuration"] = [signer = token_signer_.get()] {
      return AdminAnswer{200, "application/json", signer->ProviderMetadata(), kKeysKept};
    };
  }
  return AdminServer::Start(address, std::move(handlers));
}

}  // namespace sallyport::gateway
