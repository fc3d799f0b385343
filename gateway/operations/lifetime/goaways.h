// Asking callers to go, as the library's public interface cannot.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_GOAWAYS_H_
#define SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_GOAWAYS_H_

#include <grpcpp/server.h>

namespace sallyport::gateway {

// Sends GOAWAY on all connections of a server that goes on serving: first one that names no last stream, and a round
// trip later one that does, so that no call is caught between them. A connection that was sent one before is left as it
// is. False, and nothing is done, where the library does not have what that needs. Blocks for a moment; not on a thread
// of the library. Thread-safe.
//
// Why not grpc::Server::Shutdown alone: from then on the library throws away what comes over connections whose callers
// have not seen the GOAWAY yet, and those calls end with an error at callers that did nothing wrong.
bool SendGoaways(grpc::Server& server);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_GOAWAYS_H_
