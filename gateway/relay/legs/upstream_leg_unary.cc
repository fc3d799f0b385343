// The part of UpstreamLeg that calls methods known to be unary.
//
// To the library such a call is one whose upstream streams: the whole request goes out in one batch, and response and
// status come in one batch each. One batch for both would be cheaper still, but would never end if there is a second
// message: the core library hands the status over only when every message has been read, and a batch reads one. So the
// response is read on its own, and where the status does not follow it soon, one more read is started. That read ends
// in one of two ways, whenever the upstream likes: without a message, because the upstream has ended the call as it
// should, or with one. It costs nothing where response and status come together, and cuts nobody who is only slow.
#include <grpcpp/impl/codegen/rpc_method.h>

#include <utility>

#include "gateway/relay/legs/upstream_leg.h"
#include "gateway/relay/relayed_call.h"

namespace sallyport::gateway {

void UpstreamLeg::SendUnary(StreamLease lease, grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  unary_request_ = request;
  unary_response_ = response;
  Open(std::move(lease));
  StartUnary();
}

void UpstreamLeg::StartUnary() {
  Prepare();
  const grpc::internal::RpcMethod method(context_.caller.path().c_str(), grpc::internal::RpcMethod::SERVER_STREAMING);
  grpc::internal::ClientCallbackReaderFactory<grpc::ByteBuffer>::Create(&lease_.channel(), method, client_,
                                                                        unary_request_, &unary_);
  if (watched_) attempt_.Begin(client_->c_call());
  unary_.StartRead(unary_response_);
  unary_.StartCall();
}

void UpstreamLeg::OnUnaryResponse(bool ok) {
  if (!ok) return;  // the status says why
  bool read = false;
  {
    absl::MutexLock lock(&mutex_);
    response_came_ = true;
    read = second_read_pending_ = end_overdue_;
  }
  if (read) ReadSecondResponse();
}

void UpstreamLeg::OnEndOverdue() {
  bool read = false;
  {
    absl::MutexLock lock(&mutex_);
    end_overdue_ = true;
    read = second_read_pending_ = response_came_ && !over_;
  }
  if (read) ReadSecondResponse();
}

void UpstreamLeg::ReadSecondResponse() {
  // The library's reader allows a read only in its own reactions or under a hold, and a hold would hold up every call.
  // The call underneath, which client_ keeps, takes one at any time when none is under way.
  second_read_.functor_run = [](grpc_completion_queue_functor* functor, int /*ok*/) {
    auto* read = static_cast<SecondRead*>(functor);
    grpc_byte_buffer* message = std::exchange(read->message, nullptr);
    if (message != nullptr) grpc_byte_buffer_destroy(message);
    read->leg->OnSecondReadDone(message != nullptr);
  };
  second_read_.leg = this;
  grpc_op read = {};
  read.op = GRPC_OP_RECV_MESSAGE;
  read.data.recv_message.recv_message = &second_read_.message;
  call_->AddReference();
  if (grpc_call_start_batch(client_->c_call(), &read, 1, &second_read_, nullptr) != GRPC_CALL_OK) {
    OnSecondReadDone(false);
  }
}

bool UpstreamLeg::WaitsForSecondRead(const grpc::Status& status) {
  absl::MutexLock lock(&mutex_);
  over_ = true;
  // Taking a second message is what lets the status come, perhaps before the message has been reported.
  if (second_read_pending_) status_behind_read_ = status;
  return second_read_pending_;
}

void UpstreamLeg::OnSecondReadDone(bool message) {
  // While the read still counts as pending: a status that comes meanwhile must not end the call as if there were none.
  if (message) call_->OnSecondResponse();
  std::optional<grpc::Status> status;
  {
    absl::MutexLock lock(&mutex_);
    second_read_pending_ = false;
    status.swap(status_behind_read_);
  }
  if (status.has_value()) OnDone(*status);
  call_->DropReference();
}

}  // namespace sallyport::gateway
