// The part of CallSession that writes to the upstream, and asks it again where it has not processed the call.
#include <memory>

#include "gateway/relay/call_session.h"

namespace sallyport::gateway {

void CallSession::KeepRequest() {
  if (upstream_->retry_bytes() == 0 || !AttemptWatch::Supported()) return;
  watched_ = true;
  absl::MutexLock lock(&mutex_);
  upstream_request_.Keep(upstream_->retry_bytes());
  if (call_.path() == Path::kUnary) upstream_request_.AddWhole(*request_views_.passed());
}

void CallSession::StartStream() {
  PrepareUpstream();
  lease_.stub().PrepareBidiStreamingCall(client_, server_->method(), grpc::StubOptions(), &upstream_stream_);
  if (watched_) attempt_.Begin(client_->c_call());
  upstream_stream_.AddHold();
  UpstreamRequest::Step step;
  {
    absl::MutexLock lock(&mutex_);
    step = upstream_request_.Opened();
  }
  // Writes may be started before the call is.
  PerformStep(step);
  upstream_stream_.StartCall();
}

void CallSession::WriteUpstream() {
  bool now = false;
  {
    absl::MutexLock lock(&mutex_);
    now = upstream_request_.Add(*request_views_.passed(), request_compressed_);
  }
  if (!now) return;
  context_.open_calls->OnWrite();
  upstream_stream_.StartWrite(request_views_.passed(), WriteOptionsFor(request_encoding_, request_compressed_));
}

void CallSession::HalfCloseUpstream() {
  bool now = false;
  {
    absl::MutexLock lock(&mutex_);
    now = upstream_request_.AddHalfClose();
  }
  if (now) StartWritesDone();
}

void CallSession::StartWritesDone() {
  context_.open_calls->OnWrite();
  upstream_stream_.StartWritesDone();
}

void CallSession::ReleaseUpstream() {
  bool held = false;
  {
    absl::MutexLock lock(&mutex_);
    held = upstream_request_.Release();
  }
  if (held) upstream_stream_.RemoveHold();
}

void CallSession::PerformStep(const UpstreamRequest::Step& step) {
  if (step.write) {
    context_.open_calls->OnWrite();
    // The library takes its own reference to the message.
    upstream_stream_.StartWrite(&step.frame.message, WriteOptionsFor(request_encoding_, step.frame.compressed));
  }
  if (step.half_close) StartWritesDone();
  if (step.release) upstream_stream_.RemoveHold();
}

bool CallSession::TryAgain(const grpc::Status& status) {
  if (!attempt_.Unprocessed(status)) return false;
  bool unary = false;
  {
    absl::MutexLock lock(&mutex_);
    // What ends the call from now on takes the next attempt back.
    if (call_.ending() || !upstream_request_.Again()) return false;
    unary = call_.path() == Path::kUnary;
    more_clients_.push_back(std::make_unique<grpc::ClientContext>());
    client_ = more_clients_.back().get();
  }
  upstream_->CountSentAgain();
  if (unary) {
    StartUnary();
  } else {
    StartStream();
  }
  return true;
}

Actions CallSession::TellWithheld() {
  const UpstreamRequest::Untold untold = upstream_request_.End();
  Actions actions;
  if (untold.no_headers) actions |= call_.OnUpstreamHeaders(false);
  if (untold.write_failed) actions |= call_.OnUpstreamWriteDone(false);
  return actions;
}

}  // namespace sallyport::gateway
