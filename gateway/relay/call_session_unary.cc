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
#include "gateway/relay/message_bytes.h"

namespace sallyport::gateway {

void CallSession::SendUnary() {
  PrepareUpstream();
  const grpc::internal::RpcMethod method(server_->method().c_str(), grpc::internal::RpcMethod::SERVER_STREAMING);
  grpc::internal::ClientCallbackReaderFactory<grpc::ByteBuffer>::Create(&lease_.channel(), method, &client_,
                                                                        request_views_.passed(), &upstream_unary_);
  upstream_unary_.StartRead(response_frame_.to_fill());
  upstream_unary_.StartCall();
}

void CallSession::OnUnaryResponse(bool ok) {
  if (!ok) return;  // the status says why
  bool overdue = false;
  {
    absl::MutexLock lock(&mutex_);
    response_came_ = true;
    overdue = response_overdue_;
  }
  if (overdue) ReadSecondResponse();
}

void CallSession::OnHeadersDue() {
  bool read = false;
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    response_overdue_ = true;
    read = response_came_ && !call_.upstream_outcome().has_value();
    return call_.OnHeadersDue();
  });
  if (read) ReadSecondResponse();
}

void CallSession::ReadSecondResponse() {
  // The library's reader allows a read only in its own reactions or under a hold, and a hold would hold up every call.
  // The call underneath, which client_ keeps, takes one at any time when none is under way.
  second_read_.functor_run = [](grpc_completion_queue_functor* functor, int /*ok*/) {
    auto* read = static_cast<SecondRead*>(functor);
    CallSession* session = read->session;
    if (grpc_byte_buffer* message = std::exchange(read->message, nullptr); message != nullptr) {
      grpc_byte_buffer_destroy(message);
      session->OnSecondResponse();
    }
    session->DropReference();
  };
  second_read_.session = this;
  grpc_op read = {};
  read.op = GRPC_OP_RECV_MESSAGE;
  read.data.recv_message.recv_message = &second_read_.message;
  AddReference();
  if (grpc_call_start_batch(client_.c_call(), &read, 1, &second_read_, nullptr) != GRPC_CALL_OK) DropReference();
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
