// What a container's health check asks of a gateway that runs, without a client for HTTP at hand.
#ifndef SALLYPORT_GATEWAY_ADMIN_ASK_HEALTH_H_
#define SALLYPORT_GATEWAY_ADMIN_ASK_HEALTH_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace sallyport::gateway {

// Asks the admin endpoint at `address` ("host:port") whether its gateway is ready (/readyz). OK if so;
// FAILED_PRECONDITION, with the reason that it gives, if it is not; UNAVAILABLE if nothing answers within `timeout`;
// INVALID_ARGUMENT if that is no address.
absl::Status AskHealth(const std::string& address, absl::Duration timeout);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_ADMIN_ASK_HEALTH_H_
