// How many descriptors this process may have open.
#ifndef SALLYPORT_GATEWAY_LISTENER_DESCRIPTOR_LIMIT_H_
#define SALLYPORT_GATEWAY_LISTENER_DESCRIPTOR_LIMIT_H_

#include <cstddef>

namespace sallyport::gateway {

// Raises the limit (RLIMIT_NOFILE) as far as the process may, and returns it.
size_t RaiseDescriptorLimit();

// What callers' connections may have of `limit`: the rest, an eighth and at least 32, is for the log, upstreams and
// everything else, so that no number of connections takes it away from those.
size_t DescriptorsForConnections(size_t limit);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_DESCRIPTOR_LIMIT_H_
