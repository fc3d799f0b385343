#include "gateway/relay/call_session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/relay/frames/message_bytes.h"
#include "gateway/relay/legs/metadata_rules.h"
#include "gateway/relay/legs/status_mapping.h"

namespace sallyport::gateway {
namespace {

constexpr char kUnknownEncoding[] =
    "the message is compressed with an encoding that the gateway cannot pass on faithfully: use identity, gzip or "
    "deflate";

// In which callers that read have taken what is being written to them.
constexpr absl::Duration kReadersTime = absl::Milliseconds(500);

}  // namespace

grpc::ServerGenericBidiReactor* CallSession::Start(const RelayContext& context,
                                                   grpc::GenericCallbackServerContext* server) {
  auto* session = new CallSession(context, server);
  grpc::ServerGenericBidiReactor* reactor = &session->caller_;
  // gRPC is not given the reactor before this returns, so that the session cannot end under Begin.
  session->Begin();
  return reactor;
}

CallSession::CallSession(const RelayContext& context, grpc::GenericCallbackServerContext* server)
    : context_(context),
      rules_(context.rules->Get()),
      server_(server),
      start_(absl::Now()),
      start_tick_(std::chrono::steady_clock::now()),
      write_ahead_(context.durability == Durability::kWriteAhead),
      call_(Path::kStream),
      caller_(this),
      upstream_stream_(this),
      upstream_unary_(this),
      request_waiter_(this),
      response_waiter_(this) {}

CallSession::~CallSession() {
  context_.open_calls->Remove(&open_);
  context_.sessions->Leave(session_, absl::Now());
}

void CallSession::Perform(Actions actions) {
  // The session may be gone once the last action has been performed.
  while (!actions.empty()) {
    Action action = actions.TakeFirst();
    actions |= PerformOne(action);
  }
}

Actions CallSession::PerformOne(Action action) {
  switch (action) {
    case Action::kRecordStart:
      return RecordStart();
    case Action::kRecordRequest:
      return RecordRequest();
    case Action::kRecordHalfClose:
      return RecordHalfClose();
    case Action::kRecordHeaders:
      return RecordHeaders();
    case Action::kRecordResponse:
      return RecordResponse();
    case Action::kRecordEnd:
      return RecordEnd();
    case Action::kSendHeaders:
      AddResponseHeaders();
      caller_.StartSendInitialMetadata();
      break;
    case Action::kWriteCaller:
      context_.open_calls->OnWrite();
      caller_.StartWrite(response_views_.passed(), WriteOptionsFor(response_encoding_, response_compressed_));
      break;
    case Action::kOpenUpstream:
      OpenUpstream();
      break;
    case Action::kSendUnary:
      SendUnary();
      break;
    case Action::kWriteUpstream:
      WriteUpstream();
      break;
    case Action::kHalfCloseUpstream:
      HalfCloseUpstream();
      break;
    case Action::kReadUpstream:
      ReadUpstream();
      break;
    case Action::kReadCaller:
      return ReadCaller();
    case Action::kDeferHeaders:
      context_.headers_timer->Arm(&headers_slot_, this);
      break;
    case Action::kCancelUpstream: {
      grpc::ClientContext* client = nullptr;
      {
        absl::MutexLock lock(&mutex_);
        client = client_;
      }
      client->TryCancel();
      // What a limit holds back would hold the end back too.
      ReleasePauses();
      break;
    }
    case Action::kReleaseUpstream:
      ReleaseUpstream();
      break;
    case Action::kCutCaller:
      context_.timer->Arm(&cut_slot_, absl::Now() + kReadersTime, this, &CallSession::OnCutDue);
      break;
    case Action::kFinish:
      Finish();
      break;
  }
  return {};
}

Actions CallSession::ReadCaller() {
  if (request_pause_ > absl::ZeroDuration()) {
    const absl::Duration pause = std::exchange(request_pause_, absl::ZeroDuration());
    context_.timer->Arm(&request_pause_slot_, absl::Now() + pause, this, &CallSession::OnRequestPauseOver);
    bool ending = false;
    {
      absl::MutexLock lock(&mutex_);
      ending = call_.ending();
    }
    // What ends the call looks for pauses when it comes; it may have come before this one began.
    if (!ending || !context_.timer->Disarm(&request_pause_slot_)) return {};
  }
  caller_.StartRead(request_frame_.to_fill());
  absl::MutexLock lock(&mutex_);
  return call_.OnCallerReadStarted();
}

void CallSession::ReadUpstream() {
  if (response_pause_ > absl::ZeroDuration()) {
    const absl::Duration pause = std::exchange(response_pause_, absl::ZeroDuration());
    context_.timer->Arm(&response_pause_slot_, absl::Now() + pause, this, &CallSession::OnResponsePauseOver);
    bool ending = false;
    {
      absl::MutexLock lock(&mutex_);
      ending = call_.ending();
    }
    if (!ending || !context_.timer->Disarm(&response_pause_slot_)) return;
  }
  upstream_stream_.StartRead(response_frame_.to_fill());
}

void CallSession::OnRequestPauseOver() { Perform(ReadCaller()); }

void CallSession::OnResponsePauseOver() { ReadUpstream(); }

void CallSession::OnCallerReadDone(bool ok) {
  if (!ok) {
    // A read also fails when the call is cancelled; taken for a half-close, that would complete a cut request.
    std::optional<CallerLoss> loss;
    if (server_->IsCancelled()) loss = LossNow();
    Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      Actions actions;
      if (loss.has_value()) actions = call_.OnCallerLost(*loss);
      return actions | call_.OnCallerHalfClose();
    });
    return;
  }
  NoteActivity();
  if (request_frame_.size() > context_.most_message_bytes) return RefuseOversized();
  request_compressed_ = LastMessageCompressed(server_->c_call());
  bool unknown_encoding = request_compressed_ && request_encoding_ == GRPC_COMPRESS_NONE;
  Refusal refusal;
  if (!unknown_encoding) refusal = LookInto(policy::MessageSide::kRequest);
  request_pause_ = ChargeFor(request_frame_, request_views_);
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (unknown_encoding) return call_.Refuse(grpc::StatusCode::UNIMPLEMENTED, kUnknownEncoding);
    if (!refusal.ok()) return RefuseWith(std::move(refusal));
    request_index_ = call_.request_frames();
    return call_.OnCallerFrame(request_views_.recorded_bytes());
  });
}

void CallSession::OnCallerWriteDone(bool ok) {
  context_.open_calls->OnWriteOver();
  std::optional<CallerLoss> loss;
  if (!ok) loss = LossNow();
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Actions actions = call_.OnCallerWriteDone(ok);
    if (loss.has_value()) actions |= call_.OnCallerLost(*loss);
    return actions;
  });
}

void CallSession::OnCallerHeadersSent() {
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return call_.OnHeadersSent(); });
}

void CallSession::OnCallerDone() {
  context_.timer->Disarm(&expiry_slot_);
  context_.timer->Disarm(&age_slot_);
  context_.timer->Disarm(&cut_slot_);
  context_.timer->Disarm(&idle_slot_);
  DropReference();
}

void CallSession::OnUpstreamHeaders(bool ok) {
  absl::Status legal = ok ? CheckFromUpstream(client_->GetServerInitialMetadata()) : absl::OkStatus();
  if (ok) response_encoding_ = IncomingEncoding(client_->c_call());
  Actions actions;
  UpstreamRequest::Step step;
  {
    absl::MutexLock lock(&mutex_);
    step = ok ? upstream_request_.Headers() : upstream_request_.NoHeaders();
    if (step.tell) actions |= call_.OnUpstreamWriteDone(step.ok);
    if (!legal.ok()) {
      actions |= call_.Refuse(grpc::StatusCode::INTERNAL, absl::StrCat("upstream response headers: ", legal.message()));
    }
    if (!step.withheld) actions |= call_.OnUpstreamHeaders(ok && legal.ok());
  }
  Perform(actions);
  PerformStep(step);
}

void CallSession::OnUpstreamReadDone(bool ok) {
  NoteActivity();
  response_compressed_ = ok && LastMessageCompressed(client_->c_call());
  bool unknown_encoding = response_compressed_ && response_encoding_ == GRPC_COMPRESS_NONE;
  Refusal refusal;
  if (ok && !unknown_encoding) refusal = LookInto(policy::MessageSide::kResponse);
  if (ok) response_pause_ = ChargeFor(response_frame_, response_views_);
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!ok) return call_.OnUpstreamReadEnd();
    if (unknown_encoding) {
      return call_.Refuse(grpc::StatusCode::UNIMPLEMENTED, kUnknownEncoding) | call_.OnUpstreamReadEnd();
    }
    if (!refusal.ok()) {
      // First, for a call whose upstream has nothing more to say is over.
      const Actions refused = RefuseWith(std::move(refusal));
      return refused | call_.OnUpstreamReadEnd();
    }
    response_index_ = call_.response_frames();
    return call_.OnUpstreamFrame(response_views_.recorded_bytes());
  });
}

void CallSession::OnUpstreamWriteDone(bool ok) {
  context_.open_calls->OnWriteOver();
  Actions actions;
  UpstreamRequest::Step step;
  {
    absl::MutexLock lock(&mutex_);
    step = upstream_request_.Written(ok);
    if (step.tell) actions = call_.OnUpstreamWriteDone(step.ok);
  }
  Perform(actions);
  PerformStep(step);
}

void CallSession::OnUpstreamDone(const grpc::Status& status) {
  if (TryAgain(status) || WaitsForSecondRead(status)) return;
  bool unary = false;
  // Its place is free for another call.
  const StreamLease over = std::move(lease_);
  UpstreamOutcome outcome = OutcomeOf(status, *client_);
  const bool too_long = route_deadline_ < absl::InfiniteDuration() && !outcome.from_upstream &&
                        outcome.code == grpc::StatusCode::DEADLINE_EXCEEDED;
  absl::Status legal = CheckUpstreamEnd(outcome);
  {
    absl::MutexLock lock(&mutex_);
    unary = call_.path() == Path::kUnary;
  }
  bool unknown_encoding = false;
  Refusal refusal;
  if (unary) {
    context_.headers_timer->Disarm(&headers_slot_);
    if (response_frame_.valid()) {
      response_compressed_ = LastMessageCompressed(client_->c_call());
      unknown_encoding = response_compressed_ && response_encoding_ == GRPC_COMPRESS_NONE;
      refusal = LookInto(policy::MessageSide::kResponse);
      ChargeFor(response_frame_, response_views_);
      // What may not be seen is not recorded either.
      if (refusal.ok()) outcome.response_bytes = response_views_.recorded_bytes();
    }
  }
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Actions actions = TellWithheld();
    if (!legal.ok()) {
      actions |= call_.Refuse(grpc::StatusCode::INTERNAL, absl::StrCat("upstream trailers: ", legal.message()));
    } else if (unknown_encoding) {
      actions |= call_.Refuse(grpc::StatusCode::UNIMPLEMENTED, kUnknownEncoding);
    } else if (!refusal.ok()) {
      actions |= RefuseWith(std::move(refusal));
    } else if (too_long) {
      // Although the upstream's side is over.
      refusal_ = RouteDeadlineRefusal();
      actions |= call_.Refuse(refusal_.code, refusal_.message);
    }
    return actions | call_.OnUpstreamDone(std::move(outcome));
  });
  ReleasePauses();
  DropReference();
}

void CallSession::PrepareUpstream() {
  client_->set_deadline(UpstreamDeadline());
  const std::string sent_authority = server_->host();
  if (const std::string_view authority = upstream_->AuthorityFor(sent_authority); !authority.empty()) {
    client_->set_authority(std::string(authority));
  }
  std::string masked;
  for (const auto& [key, value] : server_->client_metadata()) {
    if (!CallerSendsOn(View(key))) continue;
    const auto pair = PairIn(policy::MaskView::kUpstream, {View(key), View(value)}, &masked);
    if (pair.has_value()) client_->AddMetadata(std::string(pair->key), std::string(pair->value));
  }
  ShowCredentials();
  ShowVisit();
  if (request_encoding_ != GRPC_COMPRESS_NONE) client_->set_compression_algorithm(request_encoding_);
}

void CallSession::OpenUpstream() {
  AddReference();
  KeepRequest();
  StartStream();
}

void CallSession::AddResponseHeaders() {
  if (headers_added_) return;
  headers_added_ = true;
  ForCaller(client_->GetServerInitialMetadata(),
            [this](const std::string& key, const std::string& value) { server_->AddInitialMetadata(key, value); });
  if (response_encoding_ != GRPC_COMPRESS_NONE) server_->set_compression_algorithm(response_encoding_);
}

grpc::WriteOptions CallSession::WriteOptionsFor(grpc_compression_algorithm encoding, bool compressed) const {
  grpc::WriteOptions options;
  if (encoding != GRPC_COMPRESS_NONE && !compressed) options.set_no_compression();
  return options;
}

}  // namespace sallyport::gateway
