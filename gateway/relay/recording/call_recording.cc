#include "gateway/relay/recording/call_recording.h"

#include <utility>

#include "absl/time/clock.h"
#include "gateway/relay/frames/message_bytes.h"
#include "gateway/relay/frames/metadata_views.h"
#include "gateway/relay/recording/refusal_flood.h"
#include "gateway/relay/relayed_call.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::gateway {
namespace {

constexpr std::string_view kStatusDetailsKey = "grpc-status-details-bin";

recorder::IdentityView ViewOf(const ProvedIdentity& proof) {
  return {proof.issuer, proof.subject, proof.groups, static_cast<int>(proof.kind)};
}

// What of an end reaches the caller.
recorder::Told ToldOf(const Call::Outcome& outcome) {
  if (!outcome.loss.has_value()) return recorder::Told::kStatus;
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

void AddFrame(recorder::EntryBatch& batch, absl::Time time, recorder::Direction direction, FrameInHand& frame) {
  FrameViews& views = frame.views();
  batch.AddFrame(time, direction, frame.index(), views.recorded_compressed(), views.recorded_pieces(),
                 {views.masked(), views.sealed(), views.shadow(),
                  views.shortened() ? std::optional<uint64_t>(views.recorded_bytes()) : std::nullopt});
}

void AddDecision(recorder::EntryBatch& batch, const CallContext& call) {
  // Kept for the next call, for the memory of its texts.
  thread_local v1::Entry entry;
  v1::Decision& decision = *entry.mutable_decision();
  decision.Clear();
  decision.set_outcome(static_cast<v1::Decision::Outcome>(call.verdict.outcome));
  decision.set_rule(recorder::ValidText(call.verdict.rule));
  if (call.rules->policy != nullptr) decision.set_policy(recorder::ValidText(call.rules->policy->version()));
  for (std::string_view rule : call.verdict.shadow) decision.add_shadow(recorder::ValidText(rule));
  for (const std::shared_ptr<const ProvedIdentity>& proof : call.proof.caller.proofs) {
    v1::ShownProof& shown = *decision.add_proofs();
    shown.set_kind(static_cast<v1::Proof>(proof->kind));
    shown.set_issuer(recorder::ValidText(proof->issuer));
    shown.set_subject(recorder::ValidText(proof->subject));
    for (const std::string& group : proof->groups) shown.add_groups(recorder::ValidText(group));
    shown.set_credential(recorder::ValidText(proof->credential));
    if (proof->expires != absl::InfiniteFuture()) shown.set_expires_ns(absl::ToUnixNanos(proof->expires));
  }
  batch.Add(call.verdict.time, &entry);
}

}  // namespace

CallRecording::CallRecording(RelayedCall* call, const RelayContext& shared, const CallContext& context)
    : call_(call),
      shared_(shared),
      context_(context),
      request_waiter_(call, context),
      response_waiter_(call, context) {}

void CallRecording::Waiter::OnAppended(recorder::Appended outcome) { call->OnAppended(what, outcome); }

recorder::Appended CallRecording::Append(Call::Recorded what, Waiter& waiter,
                                         absl::FunctionRef<void(recorder::EntryBatch&)> fill) {
  if (discards()) return recorder::Appended::kDone;
  recorder::EntryBatch batch = shared_.recorder->NewBatch(context_.id);
  fill(batch);
  const Durability durability = context_.recording.DurabilityOf(shared_.durability);
  const bool durable =
      durability == Durability::kWriteAhead || (what == Call::Recorded::kEnd && durability == Durability::kCommit);
  waiter.what = what;
  // For the waiter, which may be told before Append returns.
  call_->AddReference();
  const recorder::Appended appended = shared_.recorder->Append(
      std::move(batch), durable ? recorder::Until::kDurable : recorder::Until::kAccepted, &waiter);
  if (appended != recorder::Appended::kPending) call_->DropSpareReference();
  return appended;
}

void CallRecording::AddStart(recorder::EntryBatch& batch) {
  RecordedMetadata metadata = CallerMetadataForRecord(context_);
  const std::string method = PathForRecord(context_);
  const std::string authority = AuthorityForRecord(context_);
  const std::string session_name = SessionNameForRecord(context_);
  recorder::CallStart start;
  start.method = method;
  start.authority = authority;
  start.peer = context_.arrival.peer;
  if (!context_.proof.caller.anonymous()) start.identity = ViewOf(context_.proof.caller.named());
  start.session_id = context_.session.id();
  if (start.session_id != 0) start.session_name = session_name;
  if (context_.upstream() != nullptr) {
    start.upstream = context_.upstream()->name();
    start.upstream_target = context_.upstream()->target();
  }
  start.metadata = metadata.pairs;
  const absl::Duration left = context_.caller.TimeLeft();
  if (left != absl::InfiniteDuration()) start.timeout = left + context_.Elapsed();
  start.encoding = EncodingName(context_.caller.encoding());
  if (context_.description.method_known) start.descriptors = context_.description.descriptors->version();
  start.arity = context_.description.arity;
  start.durability = DurabilityName(context_.recording.DurabilityOf(shared_.durability));
  if (const policy::RecordRule* rule = context_.recording.rule; rule != nullptr) {
    start.record_rule = rule->name;
    if (rule->shortens()) start.frame_bytes = rule->frame_bytes;
  }
  const std::string trace_id = TraceIdForRecord(context_, metadata.pairs);
  start.trace_id = trace_id;
  if (!context_.proof.proved) refused_record_.CutStart(start, metadata.pairs);
  batch.AddStart(context_.start, start);
  if (context_.verdict.recorded) AddDecision(batch, context_);
}

recorder::Appended CallRecording::Start() {
  return Append(Call::Recorded::kStart, request_waiter_, [&](recorder::EntryBatch& batch) { AddStart(batch); });
}

recorder::Appended CallRecording::Request(FrameInHand& frame, bool start, bool whole) {
  return Append(Call::Recorded::kRequest, request_waiter_, [&](recorder::EntryBatch& batch) {
    if (start) AddStart(batch);
    const absl::Time now = absl::Now();
    AddFrame(batch, now, recorder::Direction::kRequest, frame);
    if (whole) batch.AddHalfClose(now);
  });
}

recorder::Appended CallRecording::HalfClose(bool start) {
  return Append(Call::Recorded::kRequest, request_waiter_, [&](recorder::EntryBatch& batch) {
    if (start) AddStart(batch);
    batch.AddHalfClose(absl::Now());
  });
}

recorder::Appended CallRecording::Headers(const GrpcMetadata& headers, grpc_compression_algorithm encoding) {
  return Append(Call::Recorded::kResponse, response_waiter_, [&](recorder::EntryBatch& batch) {
    batch.AddResponseHeaders(absl::Now(), ForRecord(context_, headers).pairs, EncodingName(encoding));
  });
}

recorder::Appended CallRecording::Response(FrameInHand& frame) {
  return Append(Call::Recorded::kResponse, response_waiter_, [&](recorder::EntryBatch& batch) {
    AddFrame(batch, absl::Now(), recorder::Direction::kResponse, frame);
  });
}

recorder::Appended CallRecording::Finish(const End& end) {
  return Append(Call::Recorded::kEnd, response_waiter_, [&](recorder::EntryBatch& batch) {
    const absl::Time now = absl::Now();
    if (end.start) AddStart(batch);
    if (end.headers != nullptr) {
      batch.AddResponseHeaders(now, ForRecord(context_, *end.headers).pairs, EncodingName(end.encoding));
    }
    if (end.response != nullptr) AddFrame(batch, now, recorder::Direction::kResponse, *end.response);
    AddEnd(batch, end, now);
    if (!context_.proof.proved) shared_.refusals->Recorded(batch.bytes().size());
  });
}

void CallRecording::AddEnd(recorder::EntryBatch& batch, const End& end, absl::Time now) {
  recorder::CallEnd entry;
  entry.reason = end.outcome.reason;
  entry.told = ToldOf(end.outcome);
  // The library closes a connection that it has asked to end with its last call, over what is still to be written.
  if (end.outcome.unread && end.connection_ends) entry.told = recorder::Told::kUnsure;
  entry.ended_by = EndedByOf(end.outcome.reason);
  entry.connection_lost = end.outcome.loss == CallerLoss::kConnection || end.outcome.loss == CallerLoss::kSilence;
  entry.status_code = end.outcome.code;
  const std::string message = TextIn(context_, policy::MaskView::kRecord, end.outcome.message);
  entry.status_message = message;
  std::string upstream_message;
  if (end.upstream.has_value() && (!end.outcome.upstream_trailers || end.upstream->code != end.outcome.code)) {
    entry.upstream_status_code = end.upstream->code;
    if (!end.bare) upstream_message = TextIn(context_, policy::MaskView::kRecord, end.upstream->message);
    entry.upstream_status_message = upstream_message;
  }
  RecordedMetadata trailers;
  if (end.trailers != nullptr) trailers = ForRecord(context_, *end.trailers);
  if (!end.details.empty() && !end.bare) trailers.pairs.push_back({kStatusDetailsKey, end.details});
  entry.trailers = trailers.pairs;
  entry.trailers_only = end.trailers_only;
  entry.request_frames = end.request_frames;
  entry.response_frames = end.response_frames;
  entry.request_bytes = end.request_bytes;
  entry.response_bytes = end.response_bytes;
  entry.duration = context_.Elapsed();
  if (!context_.proof.proved) refused_record_.CutEnd(entry, trailers.pairs);
  batch.AddEnd(now, entry);
}

const char* WhyNotRecorded(recorder::Appended outcome) {
  if (outcome == recorder::Appended::kNoSpace) {
    return "the call cannot be recorded, so the gateway ends it: the disk of its log is full";
  }
  return "the call cannot be recorded, so it is refused: the gateway's log cannot be written";
}

}  // namespace sallyport::gateway
