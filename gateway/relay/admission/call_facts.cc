#include "gateway/relay/admission/call_facts.h"

#include "absl/container/inlined_vector.h"
#include "policy/glob.h"

namespace sallyport::gateway {

const RouteRule* FindRoute(const Routes& routes, const CallFacts& facts) {
  return routes.Find(facts.path, facts.authority, [&facts](std::string_view name, std::string_view glob) {
    bool found = false;
    facts.metadata([&](std::string_view key, std::string_view value) {
      found = found || (key == name && policy::GlobMatches(glob, value));
    });
    return found;
  });
}

void AskPolicy(const CallFacts& facts, const RouteRule* route,
               absl::FunctionRef<void(const policy::AccessRequest&)> ask) {
  policy::AccessRequest request(facts.metadata);
  absl::InlinedVector<v1::Proof, 2> proofs;
  for (const auto& proof : facts.caller.proofs) proofs.push_back(static_cast<v1::Proof>(proof->kind));
  request.proofs = proofs;
  if (!facts.caller.anonymous()) {
    request.subject = facts.caller.named().subject;
    request.issuer = facts.caller.named().issuer;
    request.groups = facts.caller.named().groups;
  }
  request.method = facts.path;
  if (route != nullptr) request.upstream = route->upstream->name();
  request.peer = facts.peer;
  request.now = facts.time;
  ask(request);
}

}  // namespace sallyport::gateway
