// The reactors of a relayed call. They translate gRPC's callbacks into a CallSession's events and decide nothing.
#ifndef SALLYPORT_GATEWAY_RELAY_REACTORS_H_
#define SALLYPORT_GATEWAY_RELAY_REACTORS_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

namespace sallyport::gateway {

class CallSession;

// The caller's side. Its methods run on gRPC's threads; OnDone is the last.
class CallerReactor final : public grpc::ServerGenericBidiReactor {
 public:
  explicit CallerReactor(CallSession* session) : session_(session) {}
  void OnSendInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  CallSession* const session_;
};

// The upstream's side where the call is relayed as a stream. Holds a hold from before StartCall until the session
// releases it, because its operations are started from the caller's reactions too.
class UpstreamStreamReactor final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit UpstreamStreamReactor(CallSession* session) : session_(session) {}
  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnWritesDoneDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  CallSession* const session_;
};

// The upstream's side of a call whose method is known to be unary (call_session_unary.cc says why it reads a stream).
class UpstreamUnaryReactor final : public grpc::ClientReadReactor<grpc::ByteBuffer> {
 public:
  explicit UpstreamUnaryReactor(CallSession* session) : session_(session) {}
  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  CallSession* const session_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_REACTORS_H_
