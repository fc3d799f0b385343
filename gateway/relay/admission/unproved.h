// Calls that end before anybody was proved.
#ifndef SALLYPORT_GATEWAY_RELAY_ADMISSION_UNPROVED_H_
#define SALLYPORT_GATEWAY_RELAY_ADMISSION_UNPROVED_H_

#include <string_view>

#include "absl/time/time.h"
#include "gateway/relay/call_context.h"
#include "gateway/relay/recording/refusal_limits.h"
#include "gateway/relay/refusal.h"
#include "gateway/relay/relay_context.h"

namespace sallyport::gateway {

// Such a call is counted, and it is found out whether more than that may be recorded of it. Before its refusal is made:
// where it is only counted, nobody can look it up.
void CountUnproved(const RelayContext& shared, CallContext& call, RefusalReason reason, int code,
                   std::string_view message);

// The refusal, counted, of a call whose address is over the limit of refused calls.
Refusal TooManyRefused(const RelayContext& shared, CallContext& call);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_ADMISSION_UNPROVED_H_
