#include "gateway/relay/own/own_caller.h"

#include "gateway/relay/admission/call_facts.h"
#include "gateway/relay/call_context.h"

namespace sallyport::gateway {

std::string OwnCaller::LeadsTo(std::string_view path) const {
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

OwnCaller OwnCallerOf(const CallContext& call) {
  OwnCaller own{call.rules, call.proof.caller, call.caller.authority(), call.arrival.peer, call.verdict.time, {}};
  for (const auto& [name, value] : call.caller.metadata()) {
    own.metadata.emplace_back(std::string(View(name)), std::string(View(value)));
  }
  return own;
}

}  // namespace sallyport::gateway
