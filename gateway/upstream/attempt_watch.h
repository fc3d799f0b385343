// Whether an upstream can have seen a call that failed.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_ATTEMPT_WATCH_H_
#define SALLYPORT_GATEWAY_UPSTREAM_ATTEMPT_WATCH_H_

#include <grpcpp/support/status.h>

struct grpc_call;

namespace sallyport::gateway {

// Watches one attempt at a call: what has gone over the wire for it. A status does not tell that. "GOAWAY received" may
// be what the transport says of a stream that the upstream has not looked at, but as well what an upstream passes on
// from behind it, of a call that it has processed; sending that again would do twice what was asked for once.
//
// gRPC knows, and tells nobody but its own retries, which end the process at trailers without a status
// (retry_filter.cc, GetCallStatus). So this asks where the library counts a stream's bytes: its interface for tracers
// of calls (src/core/lib/channel/call_tracer.h), which is not public. It is used only with the version that it was
// written for.
//
// One thread at a time; OnDone of the call happens before `Unprocessed`.
class AttemptWatch {
 public:
  AttemptWatch() = default;
  AttemptWatch(const AttemptWatch&) = delete;
  AttemptWatch& operator=(const AttemptWatch&) = delete;
  ~AttemptWatch();

  // Whether this library can be asked. Constant.
  static bool Supported();

  // Of a client's call of which no operation has been started. What was watched before is let go.
  void Begin(grpc_call* call);

  // The call that was watched ended with `status`: whether RFC 9113 (8.7) has it that the upstream has not processed
  // it. That is so where nothing of it was sent, and where nothing of an answer came and the transport says that it was
  // beyond the last stream of a GOAWAY, or refused with REFUSED_STREAM. (A connection that breaks HTTP/2 after its
  // GOAWAY says so of each of its streams.) False where nothing was watched.
  bool Unprocessed(const grpc::Status& status) const;

 private:
  class Tracer;
  Tracer* tracer_ = nullptr;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_ATTEMPT_WATCH_H_
