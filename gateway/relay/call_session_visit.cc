// The part of CallSession that prepares calls which the gateway answers itself.
#include <string>
#include <utility>
#include <vector>

#include "gateway/health/health_service.h"
#include "gateway/relay/call_session.h"

namespace sallyport::gateway {
namespace {

// Who calls and by which rules, kept for as long as the answers need it.
struct CallerKept {
  std::shared_ptr<const Rules> rules;
  Caller caller;
  std::string authority;
  std::string peer;
  absl::Time time;
  std::vector<std::pair<std::string, std::string>> metadata;

  // Where another call of this caller's, with the same metadata, would go; empty if nowhere. Limits are not asked.
  std::string LeadsTo(std::string_view path) const {
    const auto source = [this](policy::MetadataVisitor visit) {
      for (const auto& [name, value] : metadata) visit(name, value);
    };
    const CallFacts facts{caller, path, authority, peer, time, source};
    const RouteRule* const route = FindRoute(*rules->routes, facts);
    if (route == nullptr) return "";
    bool allowed = rules->policy == nullptr;
    if (!allowed) {
      AskPolicy(facts, route,
                [&](const policy::AccessRequest& request) { allowed = rules->policy->Decide(request).allowed; });
    }
    return allowed ? route->upstream->name() : "";
  }
};

}  // namespace

void CallSession::ShowVisit() {
  if (upstream_ != &context_.reflection->upstream() || HealthService::Answers(server_->method())) return;
  CallerKept kept{rules_, identity_, server_->host(), peer_, decision_time_, {}};
  for (const auto& [name, value] : server_->client_metadata()) {
    kept.metadata.emplace_back(std::string(View(name)), std::string(View(value)));
  }
  auto leads_to = [kept = std::move(kept)](std::string_view path) { return kept.LeadsTo(path); };
  visit_ = context_.reflection->Announce(
      std::make_unique<VisibleServices>(context_.catalog->Current(), std::move(leads_to)));
  client_->AddMetadata(ReflectionServer::kVisitKey, visit_.name());
}

}  // namespace sallyport::gateway
