#include "gateway/relay/legs/upstream_leg.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "gateway/relay/frames/message_bytes.h"
#include "gateway/relay/frames/metadata_views.h"
#include "gateway/relay/legs/status_mapping.h"
#include "gateway/relay/open_calls.h"
#include "gateway/relay/relayed_call.h"

namespace sallyport::gateway {
namespace {

constexpr char kRepeated[] = "they repeat the gateway's own credentials, which are not for callers";

}  // namespace

UpstreamLeg::UpstreamLeg(RelayedCall* call, const RelayContext& shared, const CallContext& context)
    : call_(call), shared_(shared), context_(context), stream_(this), unary_(this) {}

void UpstreamLeg::Open(StreamLease lease) {
  call_->AddReference();
  if (context_.trace != nullptr) context_.trace->OnUpstreamOpened();
  lease_ = std::move(lease);
  const uint64_t kept = context_.upstream()->retry_bytes();
  if (kept == 0 || !AttemptWatch::Supported()) return;
  watched_ = true;
  absl::MutexLock lock(&mutex_);
  request_.Keep(kept);
  if (unary_request_ != nullptr) request_.AddWhole(*unary_request_);
}

void UpstreamLeg::OpenStream(StreamLease lease) {
  Open(std::move(lease));
  StartStream();
}

void UpstreamLeg::Prepare() {
  SetDeadline();
  const Upstream& upstream = *context_.upstream();
  if (const std::string_view authority = upstream.AuthorityFor(context_.caller.authority()); !authority.empty()) {
    client_->set_authority(std::string(authority));
  }
  ForUpstream(context_,
              [this](const std::string& name, const std::string& value) { client_->AddMetadata(name, value); });
  if (context_.credentials != nullptr) {
    for (const ShownCredentials::Pair& pair : context_.credentials->pairs()) {
      client_->AddMetadata(*pair.name, std::string(pair.credential.value->view()));
    }
  }
  if (context_.announcement.announced())
    client_->AddMetadata(OwnServices::kAnnouncementKey, context_.announcement.name());
  const grpc_compression_algorithm encoding = context_.caller.encoding();
  if (encoding != GRPC_COMPRESS_NONE) client_->set_compression_algorithm(encoding);
}

void UpstreamLeg::SetDeadline() {
  const RouteRule& route = *context_.route;
  // Handed on as it is: counted anew it would be a little later, and the library rounds what is left up.
  gpr_timespec deadline = context_.caller.deadline();
  const bool none = gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0;
  const absl::Duration most = none ? std::min(route.default_deadline, route.most_deadline) : route.most_deadline;
  if (most != absl::InfiniteDuration()) {
    // Counted from when the call came in.
    const gpr_timespec left = gpr_time_from_nanos(absl::ToInt64Nanoseconds(most - context_.Elapsed()), GPR_TIMESPAN);
    const gpr_timespec limit = gpr_time_add(gpr_now(deadline.clock_type), left);
    if (gpr_time_cmp(deadline, limit) > 0) {
      deadline = limit;
      route_deadline_ = most;
    }
  }
  client_->set_deadline(deadline);
}

void UpstreamLeg::StartStream() {
  Prepare();
  lease_.stub().PrepareBidiStreamingCall(client_, context_.caller.path(), grpc::StubOptions(), &stream_);
  if (watched_) attempt_.Begin(client_->c_call());
  stream_.AddHold();
  UpstreamRequest::Step step;
  {
    absl::MutexLock lock(&mutex_);
    step = request_.Opened();
  }
  // Writes may be started before the call is.
  PerformStep(step);
  stream_.StartCall();
}

void UpstreamLeg::Write(const grpc::ByteBuffer* message, bool compressed) {
  bool now = false;
  {
    absl::MutexLock lock(&mutex_);
    now = request_.Add(*message, compressed);
  }
  if (!now) return;
  shared_.open_calls->OnWrite();
  stream_.StartWrite(message, WriteOptionsFor(compressed));
}

void UpstreamLeg::HalfClose() {
  bool now = false;
  {
    absl::MutexLock lock(&mutex_);
    now = request_.AddHalfClose();
  }
  if (now) StartWritesDone();
}

void UpstreamLeg::StartWritesDone() {
  shared_.open_calls->OnWrite();
  stream_.StartWritesDone();
}

void UpstreamLeg::Release() {
  bool closes = false;
  bool held = false;
  {
    absl::MutexLock lock(&mutex_);
    closes = !cancelled_ && request_.CloseFirst();
    held = request_.Release();
  }
  if (closes) StartWritesDone();
  if (held) stream_.RemoveHold();
}

void UpstreamLeg::Cancel() {
  grpc::ClientContext* client = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    client = client_;
  }
  client->TryCancel();
}

void UpstreamLeg::PerformStep(const UpstreamRequest::Step& step) {
  if (step.write) {
    shared_.open_calls->OnWrite();
    // The library takes its own reference to the message.
    stream_.StartWrite(&step.frame.message, WriteOptionsFor(step.frame.compressed));
  }
  if (step.half_close) StartWritesDone();
  if (step.release) stream_.RemoveHold();
}

void UpstreamLeg::OnHeaders(bool ok) {
  Headers headers;
  if (ok) {
    headers.legal = CheckFromUpstream(client_->GetServerInitialMetadata());
    encoding_ = IncomingEncoding(client_->c_call());
  }
  UpstreamRequest::Step step;
  {
    absl::MutexLock lock(&mutex_);
    step = ok ? request_.Headers() : request_.NoHeaders();
  }
  headers.present = ok && headers.legal.ok();
  headers.withheld = step.withheld;
  headers.written = step.tell;
  headers.written_ok = step.ok;
  call_->OnUpstreamHeaders(headers);
  PerformStep(step);
}

void UpstreamLeg::Stream::OnReadDone(bool ok) { leg_->call_->OnUpstreamReadDone(ok); }

void UpstreamLeg::OnWriteDone(bool ok) {
  shared_.open_calls->OnWriteOver();
  UpstreamRequest::Step step;
  {
    absl::MutexLock lock(&mutex_);
    step = request_.Written(ok);
  }
  if (step.tell) call_->OnUpstreamWritten(step.ok);
  PerformStep(step);
}

void UpstreamLeg::OnDone(const grpc::Status& status) {
  if (TryAgain(status) || WaitsForSecondRead(status)) return;
  End end = EndOf(status);
  {
    absl::MutexLock lock(&mutex_);
    end.untold = request_.End();
  }
  // Its place is free for another call.
  lease_ = StreamLease();
  call_->OnUpstreamDone(std::move(end));
}

bool UpstreamLeg::TryAgain(const grpc::Status& status) {
  if (!attempt_.Unprocessed(status)) return false;
  {
    absl::MutexLock lock(&mutex_);
    // A cancel that comes from now on takes the next attempt back.
    if (cancelled_ || !request_.Again()) return false;
    more_clients_.push_back(std::make_unique<grpc::ClientContext>());
    client_ = more_clients_.back().get();
  }
  context_.upstream()->CountSentAgain();
  if (unary_request_ != nullptr) {
    StartUnary();
  } else {
    StartStream();
  }
  return true;
}

UpstreamLeg::End UpstreamLeg::EndOf(const grpc::Status& status) {
  End end;
  end.outcome = OutcomeOf(status, *client_);
  end.route_deadline = route_deadline_ < absl::InfiniteDuration() && !end.outcome.from_upstream &&
                       end.outcome.code == grpc::StatusCode::DEADLINE_EXCEEDED;
  end.legal = CheckFromUpstream(client_->GetServerTrailingMetadata());
  if (context_.credentials == nullptr) return end;
  if (end.outcome.code == grpc::StatusCode::UNAUTHENTICATED && end.outcome.from_upstream) {
    context_.credentials->OnRejected(absl::Now());
  }
  if (context_.credentials->RepeatedIn(end.outcome.message)) end.legal = absl::PermissionDeniedError(kRepeated);
  end.trailers_withheld = absl::IsPermissionDenied(end.legal);
  if (end.trailers_withheld) end.outcome.message.clear();
  return end;
}

absl::Status UpstreamLeg::CheckFromUpstream(const GrpcMetadata& metadata) const {
  if (context_.credentials != nullptr) {
    const ShownCredentials& shown = *context_.credentials;
    const bool repeated = std::any_of(metadata.begin(), metadata.end(), [&shown](const auto& pair) {
      return shown.RepeatedIn(View(pair.first)) || shown.RepeatedIn(View(pair.second));
    });
    if (repeated) return absl::PermissionDeniedError(kRepeated);
  }
  return CheckMetadata(metadata);
}

bool UpstreamLeg::LastReadCompressed() const { return LastMessageCompressed(client_->c_call()); }

grpc::WriteOptions UpstreamLeg::WriteOptionsFor(bool compressed) const {
  grpc::WriteOptions options;
  if (context_.caller.encoding() != GRPC_COMPRESS_NONE && !compressed) options.set_no_compression();
  return options;
}

}  // namespace sallyport::gateway
