// The upstream's side of a call.
#ifndef SALLYPORT_GATEWAY_RELAY_LEGS_UPSTREAM_LEG_H_
#define SALLYPORT_GATEWAY_RELAY_LEGS_UPSTREAM_LEG_H_

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/relay/call.h"
#include "gateway/relay/call_context.h"
#include "gateway/relay/legs/metadata_rules.h"
#include "gateway/relay/legs/upstream_request.h"
#include "gateway/relay/relay_context.h"
#include "gateway/upstream/attempt_watch.h"

namespace sallyport::gateway {

class RelayedCall;

// Makes the call to the upstream, in one attempt or in several, as a stream or, of a method that is known to be unary,
// as what the library does with less work (upstream_leg_unary.cc). Operations are started by whoever performs the
// call's actions, on any thread, and reported to the RelayedCall, which hears of one upstream whatever the attempts.
// Thread-safe; holds a reference to the call from its opening to OnUpstreamDone.
class UpstreamLeg {
 public:
  // How the upstream's side ended, and what has not been told before.
  struct End {
    UpstreamOutcome outcome;
    // Not OK: what came may not be passed on.
    absl::Status legal;
    // Trailers and message may not be seen by anybody: they repeat the gateway's own credentials.
    bool trailers_withheld = false;
    // The deadline that the route gives the call ended it, and not the caller's own.
    bool route_deadline = false;
    UpstreamRequest::Untold untold;
  };
  // Response headers came, or status and trailers without any.
  struct Headers {
    bool present = false;
    absl::Status legal;     // not OK: they may not be passed on
    bool withheld = false;  // the call does not hear of them, for it may be sent again
    // A write is over with them.
    bool written = false;
    bool written_ok = false;
  };

  UpstreamLeg(RelayedCall* call, const RelayContext& shared, const CallContext& context);
  UpstreamLeg(const UpstreamLeg&) = delete;
  UpstreamLeg& operator=(const UpstreamLeg&) = delete;

  // Once, either of the two, with the place on a connection that the call was given. Of a unary call `request` is the
  // whole request, and `response` is filled by the time of OnUpstreamDone.
  void OpenStream(StreamLease lease);
  void SendUnary(StreamLease lease, grpc::ByteBuffer* request, grpc::ByteBuffer* response);

  // Of a stream, then OnUpstreamWritten. The message stays as it is until then.
  void Write(const grpc::ByteBuffer* message, bool compressed);
  void HalfClose();
  // Of a stream, then OnUpstreamReadDone.
  void StartRead(grpc::ByteBuffer* message) { stream_.StartRead(message); }
  // Nothing more is started.
  void Release();
  // The call is taken back, further attempts included.
  void Cancel();
  // Of a unary call whose headers have come, and whose end has not followed soon.
  void OnEndOverdue();

  // What came in the last attempt.
  const GrpcMetadata& headers() const { return client_->GetServerInitialMetadata(); }
  const GrpcMetadata& trailers() const { return client_->GetServerTrailingMetadata(); }
  grpc_compression_algorithm encoding() const { return encoding_; }
  // Only in the reaction that reports the message.
  bool LastReadCompressed() const;
  absl::Duration route_deadline() const { return route_deadline_; }

 private:
  // gRPC's reactions where the call is relayed as a stream. Holds a hold from before StartCall until it is released,
  // because its operations are started from the caller's reactions too.
  class Stream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    explicit Stream(UpstreamLeg* leg) : leg_(leg) {}
    void OnReadInitialMetadataDone(bool ok) override { leg_->OnHeaders(ok); }
    void OnReadDone(bool ok) override;
    void OnWriteDone(bool ok) override { leg_->OnWriteDone(ok); }
    void OnWritesDoneDone(bool ok) override { leg_->OnWriteDone(ok); }
    void OnDone(const grpc::Status& status) override { leg_->OnDone(status); }

   private:
    UpstreamLeg* const leg_;
  };
  // Of a unary call.
  class Unary final : public grpc::ClientReadReactor<grpc::ByteBuffer> {
   public:
    explicit Unary(UpstreamLeg* leg) : leg_(leg) {}
    void OnReadInitialMetadataDone(bool ok) override { leg_->OnHeaders(ok); }
    void OnReadDone(bool ok) override { leg_->OnUnaryResponse(ok); }
    void OnDone(const grpc::Status& status) override { leg_->OnDone(status); }

   private:
    UpstreamLeg* const leg_;
  };
  // A read of what a unary call's upstream must not send. A completion of the core library's.
  struct SecondRead : grpc_completion_queue_functor {
    SecondRead() : grpc_completion_queue_functor{} {}
    UpstreamLeg* leg = nullptr;
    grpc_byte_buffer* message = nullptr;
  };

  void OnHeaders(bool ok);
  void OnWriteDone(bool ok);
  void OnUnaryResponse(bool ok);
  void OnDone(const grpc::Status& status);
  void ReadSecondResponse();
  // The end of the upstream's side is told only after that read's: true where there is one, which then goes on with it.
  bool WaitsForSecondRead(const grpc::Status& status);
  void OnSecondReadDone(bool message);

  void Open(StreamLease lease);
  void StartStream();
  void StartUnary();
  void StartWritesDone();
  void PerformStep(const UpstreamRequest::Step& step) ABSL_LOCKS_EXCLUDED(mutex_);
  // True if the upstream has not processed the call and is asked again.
  bool TryAgain(const grpc::Status& status);

  // What an attempt carries.
  void Prepare();
  void SetDeadline();
  // What may go on to the caller and into the record: legal metadata, without what the upstream was shown in it.
  absl::Status CheckFromUpstream(const GrpcMetadata& metadata) const;
  End EndOf(const grpc::Status& status);
  grpc::WriteOptions WriteOptionsFor(bool compressed) const;

  RelayedCall* const call_;
  const RelayContext& shared_;
  const CallContext& context_;
  StreamLease lease_;  // until the upstream's side is over
  Stream stream_;
  Unary unary_;
  // Of a unary call; null otherwise.
  grpc::ByteBuffer* unary_request_ = nullptr;
  grpc::ByteBuffer* unary_response_ = nullptr;
  absl::Duration route_deadline_ = absl::InfiniteDuration();  // where that is sooner than the caller's
  grpc_compression_algorithm encoding_ = GRPC_COMPRESS_NONE;
  bool watched_ = false;  // attempts are, for there may be more than one
  AttemptWatch attempt_;

  absl::Mutex mutex_;
  UpstreamRequest request_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the first attempt and of those that followed; client_ is the last one's. They stay until the call is over, so
  // that it can be taken back at any time.
  grpc::ClientContext first_client_;
  std::vector<std::unique_ptr<grpc::ClientContext>> more_clients_ ABSL_GUARDED_BY(mutex_);
  grpc::ClientContext* client_ = &first_client_;  // changes under the mutex, while no attempt is under way

  // Of a unary call.
  SecondRead second_read_;
  bool second_read_pending_ ABSL_GUARDED_BY(mutex_) = false;
  bool response_came_ ABSL_GUARDED_BY(mutex_) = false;
  bool end_overdue_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> status_behind_read_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_LEGS_UPSTREAM_LEG_H_
