// A caller that came over gRPC.
#ifndef SALLYPORT_GATEWAY_RELAY_LEGS_GRPC_CALLER_LEG_H_
#define SALLYPORT_GATEWAY_RELAY_LEGS_GRPC_CALLER_LEG_H_

#include <grpcpp/generic/async_generic_service.h>

#include <memory>
#include <string>

#include "gateway/relay/legs/caller_leg.h"
#include "gateway/relay/relayed_call.h"

namespace sallyport::gateway {

// Translates gRPC's reactions into a RelayedCall's events, and decides nothing. Holds the call, and so lives as long:
// until it is destroyed after OnDone, the last reaction.
class GrpcCallerLeg final : public CallerLeg, private grpc::ServerGenericBidiReactor {
 public:
  // Begins to relay the call of `server`. Returns the reactor that gRPC is to drive.
  static grpc::ServerGenericBidiReactor* Take(const RelayContext& context, grpc::GenericCallbackServerContext* server);

  const std::string& path() const override { return server_->method(); }
  const std::string& authority() const override { return server_->host(); }
  const GrpcMetadata& metadata() const override { return server_->client_metadata(); }
  std::string transport_peer() const override { return server_->peer(); }
  PeerCertificates Certificates() const override;
  absl::Duration TimeLeft() const override;
  grpc_compression_algorithm encoding() const override { return encoding_; }
  uint32_t accepted_encodings() const override;

  void StartRead(grpc::ByteBuffer* message) override { Reactor::StartRead(message); }
  bool LastReadCompressed() const override;
  void AddHeader(const std::string& name, const std::string& value) override {
    server_->AddInitialMetadata(name, value);
  }
  void SetResponseEncoding(grpc_compression_algorithm encoding) override;
  void SendHeaders() override { StartSendInitialMetadata(); }
  void StartWrite(const grpc::ByteBuffer* message, bool compressed) override {
    Reactor::StartWrite(message, OptionsFor(compressed));
  }
  void AddTrailer(const std::string& name, const std::string& value) override {
    server_->AddTrailingMetadata(name, value);
  }
  void Finish(const grpc::Status& status) override { Reactor::Finish(status); }
  void WriteAndFinish(const grpc::ByteBuffer* message, bool compressed, const grpc::Status& status) override {
    StartWriteAndFinish(message, OptionsFor(compressed), status);
  }
  void Cut(const grpc::Status& status) override;
  void Destroy() override { delete this; }

 private:
  using Reactor = grpc::ServerGenericBidiReactor;

  GrpcCallerLeg(const RelayContext& context, grpc::GenericCallbackServerContext* server);
  ~GrpcCallerLeg() override = default;
  grpc::WriteOptions OptionsFor(bool compressed) const;

  void OnSendInitialMetadataDone(bool /*ok*/) override { call_.OnCallerHeadersSent(); }
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override { call_.OnCallerWriteDone(ok); }
  void OnCancel() override { call_.OnCallerCancel(); }
  void OnDone() override { call_.OnCallerDone(); }

  grpc::GenericCallbackServerContext* const server_;
  const grpc_compression_algorithm encoding_;
  grpc_compression_algorithm response_encoding_ = GRPC_COMPRESS_NONE;
  mutable std::shared_ptr<const grpc::AuthContext> connection_;  // null until somebody looks at certificates
  RelayedCall call_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_LEGS_GRPC_CALLER_LEG_H_
