// What routes and the policy look at in a call.
#ifndef SALLYPORT_GATEWAY_RELAY_ADMISSION_CALL_FACTS_H_
#define SALLYPORT_GATEWAY_RELAY_ADMISSION_CALL_FACTS_H_

#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "gateway/identity/authenticator.h"
#include "gateway/upstream/routes.h"
#include "policy/access_request.h"

namespace sallyport::gateway {

// A view: what it refers to must live until what takes it returns.
struct CallFacts {
  const Caller& caller;
  std::string_view path;  // "/package.Service/Method"
  std::string_view authority;
  std::string_view peer;  // in gRPC's notation
  absl::Time time;        // when it is decided
  policy::MetadataSource metadata;
};

// Null if no route matches.
const RouteRule* FindRoute(const Routes& routes, const CallFacts& facts);

// Hands `ask` what the policy looks at. `route` may be null.
void AskPolicy(const CallFacts& facts, const RouteRule* route,
               absl::FunctionRef<void(const policy::AccessRequest&)> ask);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_ADMISSION_CALL_FACTS_H_
