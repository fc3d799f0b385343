// The part of CallSession that writes the record.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gateway/relay/call_session.h"
#include "gateway/relay/frames/message_bytes.h"
#include "gateway/relay/legs/metadata_rules.h"

namespace sallyport::gateway {
namespace {

constexpr std::string_view kStatusDetailsKey = "grpc-status-details-bin";
constexpr char kNotRecorded[] = "the call cannot be recorded, so it is refused: the gateway's log cannot be written";
constexpr char kNoSpace[] = "the call cannot be recorded, so the gateway ends it: the disk of its log is full";

recorder::IdentityView ViewOf(const ProvedIdentity& proof) {
  return {proof.issuer, proof.subject, proof.groups, static_cast<int>(proof.kind)};
}

// What of an end reaches the caller.
recorder::Told ToldOf(const Call::Outcome& outcome) {
  if (!outcome.loss.has_value()) return recorder::Told::kStatus;
  // When the deadline passes the library tells the caller so, unless the caller has given up before.
  if (*outcome.loss == CallerLoss::kDeadline) return recorder::Told::kUnspecified;
  // The library tells it something of its own.
  if (*outcome.loss == CallerLoss::kSilence) return recorder::Told::kUnsure;
  return recorder::Told::kNothing;
}

recorder::EndedBy EndedByOf(EndReason reason) {
  switch (reason) {
    case EndReason::kCompleted:
    case EndReason::kUpstreamFailure:
      return recorder::EndedBy::kUpstream;
    case EndReason::kCancelled:
    case EndReason::kDeadline:
      return recorder::EndedBy::kCaller;
    case EndReason::kRefused:
    case EndReason::kInterrupted:
      return recorder::EndedBy::kGateway;
  }
  return recorder::EndedBy::kUnspecified;
}

}  // namespace

Actions CallSession::Append(recorder::EntryBatch batch, Waiter& waiter, Call::Recorded what) {
  bool durable = write_ahead_ || (what == Call::Recorded::kEnd && context_.durability == Durability::kCommit);
  waiter.what = what;
  // For the waiter, which may be told before Append returns.
  AddReference();
  recorder::Appended appended = context_.recorder->Append(
      std::move(batch), durable ? recorder::Until::kDurable : recorder::Until::kAccepted, &waiter);
  if (appended == recorder::Appended::kPending) return {};
  references_.fetch_sub(1, std::memory_order_relaxed);  // never the last: the caller's side is still open
  absl::MutexLock lock(&mutex_);
  if (appended == recorder::Appended::kDone) return call_.OnRecorded(what, true);
  return NotRecorded(what, appended == recorder::Appended::kNoSpace);
}

Actions CallSession::NotRecorded(Call::Recorded what, bool no_space) {
  if (what == Call::Recorded::kEnd && no_space && call_.start_recorded() && !call_.end_bare()) {
    return call_.OnNoSpaceForEnd(kNoSpace);
  }
  return call_.OnRecorded(what, false, no_space ? kNoSpace : kNotRecorded);
}

void CallSession::Waiter::OnAppended(absl::Status status) {
  CallSession* owner = session;
  owner->Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(owner->mutex_) {
    return status.ok() ? owner->call_.OnRecorded(what, true)
                       : owner->NotRecorded(what, absl::IsResourceExhausted(status));
  });
  owner->DropReference();
}

void CallSession::AddStart(recorder::EntryBatch& batch) {
  RecordedMetadata metadata = CallerForRecord();
  const std::string method = PathForRecord();
  const std::string authority = AuthorityForRecord();
  const std::string session_name = SessionNameForRecord();
  recorder::CallStart start;
  start.method = method;
  start.authority = authority;
  start.peer = peer_;
  if (!identity_.anonymous()) start.identity = ViewOf(identity_.named());
  start.session_id = session_.id();
  if (start.session_id != 0) start.session_name = session_name;
  if (upstream_ != nullptr) {
    start.upstream = upstream_->name();
    start.upstream_target = upstream_->target();
  }
  start.metadata = metadata.pairs;
  gpr_timespec deadline = server_->raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) != 0) {
    gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
    start.timeout = absl::Seconds(left.tv_sec) + absl::Nanoseconds(left.tv_nsec) +
                    absl::FromChrono(std::chrono::steady_clock::now() - start_tick_);
  }
  start.encoding = EncodingName(request_encoding_);
  if (method_known_) start.descriptors = descriptors_->version();
  start.path = admitted_path_;
  start.durability = DurabilityName(context_.durability);
  if (!proved_) refused_record_.CutStart(start, metadata.pairs);
  batch.AddStart(start_, start);
  if (decided_) AddDecision(batch);
}

void CallSession::AddDecision(recorder::EntryBatch& batch) {
  recorder::Decision decision;
  decision.outcome = decision_;
  decision.rule = deciding_rule_;
  if (rules_->policy != nullptr) decision.policy = rules_->policy->version();
  decision.shadow = shadow_;
  std::vector<recorder::ShownProof> proofs;
  for (const std::shared_ptr<const ProvedIdentity>& proof : identity_.proofs) {
    proofs.push_back({ViewOf(*proof), proof->credential, proof->expires});
  }
  decision.proofs = proofs;
  batch.AddDecision(decision_time_, decision);
}

void CallSession::AddFrame(recorder::EntryBatch& batch, absl::Time time, recorder::Direction direction, uint64_t index,
                           FrameViews& views) {
  batch.AddFrame(time, direction, index, views.recorded_compressed(), views.recorded_pieces(),
                 {views.masked(), views.sealed(), views.shadow()});
}

Actions CallSession::RecordStart() {
  if (context_.recorder == nullptr) {
    absl::MutexLock lock(&mutex_);
    return call_.OnRecorded(Call::Recorded::kStart, true);
  }
  recorder::EntryBatch batch = context_.recorder->NewBatch(id_);
  AddStart(batch);
  return Append(std::move(batch), request_waiter_, Call::Recorded::kStart);
}

Actions CallSession::RecordRequest() {
  bool start = false;
  bool whole = false;
  {
    absl::MutexLock lock(&mutex_);
    if (context_.recorder == nullptr) return call_.OnRecorded(Call::Recorded::kRequest, true);
    start = !call_.start_recorded();
    whole = call_.path() == Path::kUnary;
  }
  recorder::EntryBatch batch = context_.recorder->NewBatch(id_);
  if (start) AddStart(batch);
  absl::Time now = absl::Now();
  AddFrame(batch, now, recorder::Direction::kRequest, request_index_, request_views_);
  // The one frame is the whole request, and is passed on as such.
  if (whole) batch.AddHalfClose(now);
  return Append(std::move(batch), request_waiter_, Call::Recorded::kRequest);
}

Actions CallSession::RecordHalfClose() {
  bool start = false;
  {
    absl::MutexLock lock(&mutex_);
    if (context_.recorder == nullptr) return call_.OnRecorded(Call::Recorded::kRequest, true);
    start = !call_.start_recorded();
  }
  recorder::EntryBatch batch = context_.recorder->NewBatch(id_);
  if (start) AddStart(batch);
  batch.AddHalfClose(absl::Now());
  return Append(std::move(batch), request_waiter_, Call::Recorded::kRequest);
}

Actions CallSession::RecordHeaders() {
  if (context_.recorder == nullptr) {
    absl::MutexLock lock(&mutex_);
    return call_.OnRecorded(Call::Recorded::kResponse, true);
  }
  recorder::EntryBatch batch = context_.recorder->NewBatch(id_);
  const RecordedMetadata headers = ForRecord(client_->GetServerInitialMetadata());
  batch.AddResponseHeaders(absl::Now(), headers.pairs, EncodingName(response_encoding_));
  return Append(std::move(batch), response_waiter_, Call::Recorded::kResponse);
}

Actions CallSession::RecordResponse() {
  if (context_.recorder == nullptr) {
    absl::MutexLock lock(&mutex_);
    return call_.OnRecorded(Call::Recorded::kResponse, true);
  }
  recorder::EntryBatch batch = context_.recorder->NewBatch(id_);
  AddFrame(batch, absl::Now(), recorder::Direction::kResponse, response_index_, response_views_);
  return Append(std::move(batch), response_waiter_, Call::Recorded::kResponse);
}

Actions CallSession::RecordEnd() {
  recorder::CallEnd end;
  Call::Outcome outcome;
  std::string details;
  std::optional<UpstreamOutcome> upstream;
  bool start = false;
  bool headers = false;
  bool response = false;
  bool bare = false;
  {
    absl::MutexLock lock(&mutex_);
    if (context_.recorder == nullptr || only_counted_) return call_.OnRecorded(Call::Recorded::kEnd, true);
    outcome = call_.outcome();
    details = DetailsOf(outcome);
    upstream = call_.upstream_outcome();
    start = !call_.start_recorded();
    bare = call_.end_bare();
    headers = !bare && call_.headers_present() && !call_.headers_recorded();
    response = !bare && call_.path() == Path::kUnary && call_.response_frames() > 0;
    end.trailers_only = !call_.headers_present();
    end.request_frames = call_.request_frames();
    end.response_frames = call_.response_frames();
    end.request_bytes = call_.request_bytes();
    end.response_bytes = call_.response_bytes();
  }
  absl::Time now = absl::Now();
  recorder::EntryBatch batch = context_.recorder->NewBatch(id_);
  if (start) AddStart(batch);
  if (headers) {
    const RecordedMetadata metadata = ForRecord(client_->GetServerInitialMetadata());
    batch.AddResponseHeaders(now, metadata.pairs, EncodingName(response_encoding_));
  }
  if (response) AddFrame(batch, now, recorder::Direction::kResponse, 0, response_views_);
  end.reason = outcome.reason;
  end.told = ToldOf(outcome);
  // The library closes a connection that it has asked to end with its last call, over what is still to be written.
  if (outcome.unread && connection_ends_) end.told = recorder::Told::kUnsure;
  end.ended_by = EndedByOf(outcome.reason);
  end.connection_lost = outcome.loss == CallerLoss::kConnection || outcome.loss == CallerLoss::kSilence;
  end.status_code = outcome.code;
  const std::string message = TextIn(policy::MaskView::kRecord, outcome.message);
  end.status_message = message;
  std::string upstream_message;
  if (upstream.has_value() && (!outcome.upstream_trailers || upstream->code != outcome.code)) {
    end.upstream_status_code = upstream->code;
    if (!bare) upstream_message = TextIn(policy::MaskView::kRecord, upstream->message);
    end.upstream_status_message = upstream_message;
  }
  RecordedMetadata trailers;
  if (upstream.has_value() && !bare && !trailers_withheld_) trailers = ForRecord(client_->GetServerTrailingMetadata());
  if (!details.empty() && !bare) trailers.pairs.push_back({kStatusDetailsKey, details});
  end.trailers = trailers.pairs;
  end.duration = absl::FromChrono(std::chrono::steady_clock::now() - start_tick_);
  if (!proved_) refused_record_.CutEnd(end, trailers.pairs);
  batch.AddEnd(now, end);
  if (!proved_) context_.refusals->Recorded(batch.bytes().size());
  return Append(std::move(batch), response_waiter_, Call::Recorded::kEnd);
}

}  // namespace sallyport::gateway
