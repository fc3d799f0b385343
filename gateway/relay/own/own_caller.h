// Who calls one of the gateway's own services.
#ifndef SALLYPORT_GATEWAY_RELAY_OWN_OWN_CALLER_H_
#define SALLYPORT_GATEWAY_RELAY_OWN_OWN_CALLER_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gateway/identity/authenticator.h"
#include "gateway/relay/call_rules.h"

namespace sallyport::gateway {

struct CallContext;

// Who calls, and by which rules; kept for as long as the answers need it. A value.
struct OwnCaller {
  std::shared_ptr<const CallRules> rules;
  Caller caller;
  std::string authority;
  std::string peer;
  absl::Time time;  // when the call was decided on
  std::vector<std::pair<std::string, std::string>> metadata;

  // Where another call of this caller's, with the same metadata, would go; empty if nowhere. Limits are not asked.
  std::string LeadsTo(std::string_view path) const;
};

OwnCaller OwnCallerOf(const CallContext& call);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_OWN_OWN_CALLER_H_
