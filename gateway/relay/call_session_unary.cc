// The part of CallSession that relays methods known to be unary.
//
// To the library such a call is one whose upstream streams: the whole request goes out in one batch, and response and
// status come in one batch each. One batch for both would be cheaper still, but would never end if there is a second
// message: the core library hands the status over only when every message has been read, and a batch reads one. So the
// response is read on its own, and where the status does not follow it soon, one more read is started. That read ends
// in one of two ways, whenever the upstream likes: without a message, because the upstream has ended the call as it
// should, or with one. It costs nothing where response and status come together, and cuts nobody who is only slow.
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <grpcpp/support/client_callback.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/relay/call_session.h"
#include "gateway/relay/frames/message_bytes.h"

namespace sallyport::gateway {

void CallSession::SendUnary() {
  AddReference();
  KeepRequest();
  StartUnary();
}

void CallSession::StartUnary() {
  PrepareUpstream();
  const grpc::internal::RpcMethod method(server_->method().c_str(), grpc::internal::RpcMethod::SERVER_STREAMING);
  grpc::internal::ClientCallbackReaderFactory<grpc::ByteBuffer>::Create(&lease_.channel(), method, client_,
                                                                        request_views_.passed(), &upstream_unary_);
  if (watched_) attempt_.Begin(client_->c_call());
  upstream_unary_.StartRead(response_frame_.to_fill());
  upstream_unary_.StartCall();
}

void CallSession::OnUnaryResponse(bool ok) {
  if (!ok) return;  // the status says why
  bool read = false;
  {
    absl::MutexLock lock(&mutex_);
    response_came_ = true;
    read = second_read_.pending = response_overdue_;
  }
  if (read) ReadSecondResponse();
}

void CallSession::OnHeadersDue() {
  bool read = false;
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    response_overdue_ = true;
    read = second_read_.pending = response_came_ && !upstream_over_;
    return call_.OnHeadersDue();
  });
  if (read) ReadSecondResponse();
}

void CallSession::ReadSecondResponse() {
  // The library's reader allows a read only in its own reactions or under a hold, and a hold would hold up every call.
  // The call underneath, which client_ keeps, takes one at any time when none is under way.
  second_read_.functor_run = [](grpc_completion_queue_functor* functor, int /*ok*/) {
    auto* read = static_cast<SecondRead*>(functor);
    grpc_byte_buffer* message = std::exchange(read->message, nullptr);
    if (message != nullptr) grpc_byte_buffer_destroy(message);
    read->session->OnSecondReadDone(message != nullptr);
  };
  second_read_.session = this;
  grpc_op read = {};
  read.op = GRPC_OP_RECV_MESSAGE;
  read.data.recv_message.recv_message = &second_read_.message;
  AddReference();
  if (grpc_call_start_batch(client_->c_call(), &read, 1, &second_read_, nullptr) != GRPC_CALL_OK) {
    OnSecondReadDone(false);
  }
}

bool CallSession::WaitsForSecondRead(const grpc::Status& status) {
  absl::MutexLock lock(&mutex_);
  upstream_over_ = true;
  // Taking a second message is what lets the status come, perhaps before the message has been reported.
  if (second_read_.pending) status_behind_read_ = status;
  return second_read_.pending;
}

void CallSession::OnSecondReadDone(bool message) {
  // While the read still counts as pending: a status that comes meanwhile must not end the call as if there were none.
  if (message) OnSecondResponse();
  std::optional<grpc::Status> status;
  {
    absl::MutexLock lock(&mutex_);
    second_read_.pending = false;
    status.swap(status_behind_read_);
  }
  if (status.has_value()) OnUpstreamDone(*status);
  DropReference();
}

void CallSession::OnSecondResponse() {
  context_.misdescribed->Add(upstream_, server_->method(), descriptors_->version());
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const std::string method = server_->method().substr(1);
    return RefuseWith(MakeRefusal(
        grpc::StatusCode::INTERNAL,
        absl::StrCat("the upstream answered ", method,
                     " with more than one message, although its descriptor says that it is unary: calls that follow "
                     "are relayed as streams"),
        "SECOND_RESPONSE", {{"method", method}, {"upstream", upstream_->name()}, {"call", CallText()}}));
  });
}

}  // namespace sallyport::gateway
