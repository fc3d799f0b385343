// The caller's side of a call.
#ifndef SALLYPORT_GATEWAY_RELAY_LEGS_CALLER_LEG_H_
#define SALLYPORT_GATEWAY_RELAY_LEGS_CALLER_LEG_H_

#include <grpc/compression.h>
#include <grpc/support/time.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "gateway/identity/mtls/mtls.h"
#include "gateway/relay/legs/metadata_rules.h"

namespace sallyport::gateway {

// What a caller asked for. Constant; what it refers to lives as long as the call. An interface, so that stages of
// admission are tested with requests that nobody sent.
class CallerRequest {
 public:
  virtual ~CallerRequest() = default;

  virtual const std::string& path() const = 0;  // "/package.Service/Method", unless the caller sent something else
  virtual const std::string& authority() const = 0;
  virtual const GrpcMetadata& metadata() const = 0;
  // The address that the connection came from, in gRPC's notation; a proxy's where one stands between.
  virtual std::string transport_peer() const = 0;
  // Of the connection; empty where none were shown. May cost copies: for whoever looks at them.
  virtual PeerCertificates Certificates() const = 0;
  // Until when the caller waits, exactly as the library has it; gpr_inf_future if it does not say.
  virtual gpr_timespec deadline() const = 0;
  // The same from now on; infinite if the caller does not say. Negative once that is over.
  absl::Duration TimeLeft() const;
  // What messages are compressed with that say they are; GRPC_COMPRESS_NONE for identity and for what is not known.
  virtual grpc_compression_algorithm encoding() const = 0;
  // What the caller can read, a bit for each grpc_compression_algorithm.
  virtual uint32_t accepted_encodings() const = 0;
};

// The caller's side of one call. Operations are started by whoever performs the call's actions, on any thread and at
// most one of a kind at a time; each is reported to the RelayedCall. An interface, because not all callers need come
// over gRPC's server: tests script one, and callers from the web will be another.
class CallerLeg : public CallerRequest {
 public:
  // Then OnCallerReadDone.
  virtual void StartRead(grpc::ByteBuffer* message) = 0;
  // Whether the message read last came compressed. Only in OnCallerReadDone.
  virtual bool LastReadCompressed() const = 0;

  // Before SendHeaders, or before the end if there are none.
  virtual void AddHeader(const std::string& name, const std::string& value) = 0;
  virtual void SetResponseEncoding(grpc_compression_algorithm encoding) = 0;
  // Then OnCallerHeadersSent.
  virtual void SendHeaders() = 0;
  // `message` stays as it is until OnCallerWriteDone. `compressed`: it is to be, with the encoding that was set.
  virtual void StartWrite(const grpc::ByteBuffer* message, bool compressed) = 0;

  virtual void AddTrailer(const std::string& name, const std::string& value) = 0;
  // Nothing more is started, and nothing is under way but a read. Then OnCallerDone.
  virtual void Finish(const grpc::Status& status) = 0;
  virtual void WriteAndFinish(const grpc::ByteBuffer* message, bool compressed, const grpc::Status& status) = 0;
  // Tells the caller a status over what is being written to it and may never be taken.
  virtual void Cut(const grpc::Status& status) = 0;

  // The call is over and nobody refers to it any more: destroys the leg, and the call with it.
  virtual void Destroy() = 0;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_LEGS_CALLER_LEG_H_
