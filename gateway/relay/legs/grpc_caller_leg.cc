#include "gateway/relay/legs/grpc_caller_leg.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security_constants.h>

#include <vector>

#include "gateway/relay/frames/message_bytes.h"

namespace sallyport::gateway {
namespace {

// Of a property of the connection that has one value.
std::string_view PropertyOf(const grpc::AuthContext& connection, const char* name) {
  const std::vector<grpc::string_ref> values = connection.FindPropertyValues(name);
  return values.empty() ? std::string_view() : View(values.front());
}

}  // namespace

grpc::ServerGenericBidiReactor* GrpcCallerLeg::Take(const RelayContext& context,
                                                    grpc::GenericCallbackServerContext* server) {
  auto* leg = new GrpcCallerLeg(context, server);
  // gRPC is not given the reactor before this returns, so that the call cannot end under it.
  leg->call_.Begin();
  return leg;
}

GrpcCallerLeg::GrpcCallerLeg(const RelayContext& context, grpc::GenericCallbackServerContext* server)
    : server_(server), encoding_(IncomingEncoding(server->c_call())), call_(context, this) {}

PeerCertificates GrpcCallerLeg::Certificates() const {
  if (connection_ == nullptr) connection_ = server_->auth_context();
  return {PropertyOf(*connection_, GRPC_X509_PEM_CERT_PROPERTY_NAME),
          PropertyOf(*connection_, GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME)};
}

absl::Duration GrpcCallerLeg::TimeLeft() const {
  const gpr_timespec deadline = server_->raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) return absl::InfiniteDuration();
  const gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  return absl::Seconds(left.tv_sec) + absl::Nanoseconds(left.tv_nsec);
}

uint32_t GrpcCallerLeg::accepted_encodings() const { return AcceptedEncodings(server_->c_call()); }

bool GrpcCallerLeg::LastReadCompressed() const { return LastMessageCompressed(server_->c_call()); }

void GrpcCallerLeg::SetResponseEncoding(grpc_compression_algorithm encoding) {
  response_encoding_ = encoding;
  if (encoding != GRPC_COMPRESS_NONE) server_->set_compression_algorithm(encoding);
}

grpc::WriteOptions GrpcCallerLeg::OptionsFor(bool compressed) const {
  grpc::WriteOptions options;
  if (response_encoding_ != GRPC_COMPRESS_NONE && !compressed) options.set_no_compression();
  return options;
}

void GrpcCallerLeg::OnReadDone(bool ok) {
  // A read also fails when the call is cancelled; taken for a half-close, that would complete a cut request.
  if (!ok && server_->IsCancelled()) return call_.OnCallerReadLost();
  call_.OnCallerReadDone(ok);
}

void GrpcCallerLeg::Cut(const grpc::Status& status) {
  // The library takes this for the end of the call: it sends the status in trailers, which flow control does not hold
  // back, drops what it could not write yet and reports that as not written.
  grpc_call_cancel_with_status(server_->c_call(), static_cast<grpc_status_code>(status.error_code()),
                               status.error_message().c_str(), nullptr);
}

}  // namespace sallyport::gateway
