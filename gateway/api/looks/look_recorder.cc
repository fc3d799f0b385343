#include "gateway/api/looks/look_recorder.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gateway/relay/own/own_services.h"
#include "gateway/relay/recording/refused_record.h"
#include "recorder/format/gateway_notes.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::gateway {
namespace {

// Who appends waits here.
class Waiting final : public recorder::AppendWaiter {
 public:
  void OnAppended(recorder::Appended outcome) override {
    outcome_ = outcome;
    done_.Notify();
  }
  recorder::Appended Wait() {
    done_.WaitForNotification();
    return outcome_;
  }

 private:
  absl::Notification done_;
  recorder::Appended outcome_ = recorder::Appended::kFailed;
};

v1::Entry DecisionEntry(const ApiCall& call, recorder::DecisionOutcome outcome) {
  v1::Entry entry;
  v1::Decision& decision = *entry.mutable_decision();
  decision.set_outcome(static_cast<v1::Decision::Outcome>(outcome));
  if (outcome == recorder::DecisionOutcome::kAllowed) {
    decision.set_rule(recorder::ValidText(absl::StrJoin(call.reader.RoleNames(), ", ")));
  } else if (outcome == recorder::DecisionOutcome::kDenied) {
    decision.set_rule(std::string(policy::kDefaultRule));
  }
  if (call.rules != nullptr && call.rules->policy != nullptr) decision.set_policy(call.rules->policy->version());
  for (const std::shared_ptr<const ProvedIdentity>& proof : call.reader.caller.proofs) {
    v1::ShownProof& shown = *decision.add_proofs();
    shown.set_kind(static_cast<v1::Proof>(proof->kind));
    shown.set_issuer(recorder::ValidText(proof->issuer));
    shown.set_subject(recorder::ValidText(proof->subject));
    for (const std::string& group : proof->groups) shown.add_groups(recorder::ValidText(group));
    shown.set_credential(recorder::ValidText(proof->credential));
    if (proof->expires != absl::InfiniteFuture()) shown.set_expires_ns(absl::ToUnixNanos(proof->expires));
  }
  return entry;
}

recorder::CallStart StartOf(const ApiCall& call, const std::string& descriptors) {
  recorder::CallStart start;
  start.method = call.path;
  start.authority = call.visitor.authority;
  start.peer = call.visitor.peer;
  if (!call.reader.caller.anonymous()) {
    const ProvedIdentity& named = call.reader.caller.named();
    start.identity = {named.issuer, named.subject, named.groups, static_cast<int>(named.kind)};
  }
  start.upstream = kOwnUpstream;
  if (call.deadline != absl::InfiniteFuture()) start.timeout = call.deadline - call.start;
  start.descriptors = descriptors;
  start.arity = call.unary ? recorder::Arity::kUnary : recorder::Arity::kStream;
  start.durability = "commit";
  start.record_rule = recorder::kLookRule;
  return start;
}

void AddLook(recorder::EntryBatch& batch, const ApiCall& call, ShownCalls& shown) {
  if (shown.empty()) return;
  v1::Entry entry;
  *entry.mutable_look() = shown.Take();
  for (const std::string& role : call.reader.RoleNames()) entry.mutable_look()->add_roles(recorder::ValidText(role));
  batch.Add(absl::Now(), &entry);
}

recorder::EndReason ReasonOf(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::CANCELLED:
      return recorder::EndReason::kCancelled;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return recorder::EndReason::kDeadline;
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return recorder::EndReason::kRefused;
    default:
      return recorder::EndReason::kCompleted;
  }
}

recorder::CallEnd EndOf(const ApiCall& call, const grpc::Status& status) {
  recorder::CallEnd end;
  end.reason = ReasonOf(status);
  const bool gone = end.reason == recorder::EndReason::kCancelled || end.reason == recorder::EndReason::kDeadline;
  end.told = gone ? recorder::Told::kNothing : recorder::Told::kStatus;
  end.ended_by = gone ? recorder::EndedBy::kCaller : recorder::EndedBy::kGateway;
  end.status_code = status.error_code();
  end.duration = call.Elapsed();
  return end;
}

}  // namespace

void LookRecorder::AddStart(recorder::EntryBatch& batch, const ApiCall& call) const {
  batch.AddStart(call.start, StartOf(call, descriptors_));
  v1::Entry decision = DecisionEntry(call, recorder::DecisionOutcome::kAllowed);
  batch.Add(absl::Now(), &decision);
}

void LookRecorder::AddRequest(recorder::EntryBatch& batch, const ApiCall& call) const {
  const absl::Time now = absl::Now();
  const std::string_view request = call.request;
  batch.AddFrame(now, recorder::Direction::kRequest, 0, false, {&request, 1});
  batch.AddHalfClose(now);
}

void LookRecorder::AddEnd(recorder::EntryBatch& batch, const ApiCall& call, const grpc::Status& status) const {
  recorder::CallEnd end = EndOf(call, status);
  const std::string message = status.error_message();
  end.status_message = message;
  end.request_frames = 1;
  end.request_bytes = call.request.size();
  end.trailers_only = true;
  batch.AddEnd(absl::Now(), end);
}

absl::Status LookRecorder::Append(recorder::EntryBatch batch, recorder::Until until) const {
  Waiting waiting;
  const bool durable = until == recorder::Until::kDurable;
  recorder::Appended appended = recorder_->Append(std::move(batch), until, durable ? &waiting : nullptr);
  if (appended == recorder::Appended::kPending) appended = waiting.Wait();
  if (appended == recorder::Appended::kDone) return absl::OkStatus();
  return absl::UnavailableError(
      appended == recorder::Appended::kNoSpace
          ? "the look cannot be recorded, so nothing is shown: the disk of the gateway's log is full"
          : "the look cannot be recorded, so nothing is shown: the gateway's log cannot be written");
}

absl::Status LookRecorder::Record(const ApiCall& call, const grpc::Status& status, ShownCalls& shown) {
  recorder::EntryBatch batch = recorder_->NewBatch(recorder_->NewCallId(call.start));
  AddStart(batch, call);
  AddRequest(batch, call);
  AddLook(batch, call, shown);
  AddEnd(batch, call, status);
  return Append(std::move(batch), recorder::Until::kDurable);
}

absl::StatusOr<std::unique_ptr<LookInHand>> LookRecorder::Begin(const ApiCall& call, ShownCalls& shown) {
  const uint64_t id = recorder_->NewCallId(call.start);
  recorder::EntryBatch batch = recorder_->NewBatch(id);
  AddStart(batch, call);
  AddRequest(batch, call);
  AddLook(batch, call, shown);
  if (absl::Status status = Append(std::move(batch), recorder::Until::kDurable); !status.ok()) return status;
  return std::make_unique<LookInHand>(this, &call, id, absl::Now());
}

void LookRecorder::RecordRefused(const ApiCall& call, const Refused& refused) {
  const grpc::Status& status = *refused.status;
  const absl::Time now = absl::Now();
  if (!refusals_->Refused({call.visitor.peer, std::hash<std::string>()(call.visitor.peer), call.path, refused.reason,
                           status.error_code(), status.error_message(), now})) {
    return;
  }
  recorder::EntryBatch batch = recorder_->NewBatch(recorder_->NewCallId(call.start));
  RefusedRecord cut;
  std::vector<recorder::Metadatum> none;
  recorder::CallStart start = StartOf(call, descriptors_);
  cut.CutStart(start, none);
  batch.AddStart(call.start, start);
  v1::Entry decision = DecisionEntry(call, refused.outcome);
  batch.Add(now, &decision);
  recorder::CallEnd end = EndOf(call, status);
  end.reason = recorder::EndReason::kRefused;
  end.ended_by = recorder::EndedBy::kGateway;
  end.told = recorder::Told::kStatus;
  end.trailers_only = true;
  const std::string message = status.error_message();
  end.status_message = message;
  cut.CutEnd(end, none);
  batch.AddEnd(now, end);
  const size_t bytes = batch.bytes().size();
  // What cannot be recorded of a refusal changes nothing for who is refused; the log's own state is told by Health.
  static_cast<void>(recorder_->Append(std::move(batch), recorder::Until::kAccepted, nullptr));
  refusals_->Recorded(bytes);
}

void LookInHand::Show(std::string_view id, std::string_view method) {
  absl::MutexLock lock(&mutex_);
  shown_.Add(id, method);
}

absl::Status LookInHand::Keep(absl::Time now) {
  absl::MutexLock writing(&writing_);
  if (ended_) return absl::OkStatus();
  recorder::EntryBatch batch = recorder_->recorder_->NewBatch(id_);
  {
    absl::MutexLock lock(&mutex_);
    if (now < kept_ + kInterval) return absl::OkStatus();
    kept_ = now;
    // Of looks alone nothing is written now: who follows the record would be shown that, and so on.
    if (!shown_.any_listed()) return absl::OkStatus();
    AddLook(batch, *call_, shown_);
  }
  return recorder_->Append(std::move(batch), recorder::Until::kAccepted);
}

absl::Status LookInHand::End(const grpc::Status& status) {
  absl::MutexLock writing(&writing_);
  ended_ = true;
  recorder::EntryBatch batch = recorder_->recorder_->NewBatch(id_);
  {
    absl::MutexLock lock(&mutex_);
    AddLook(batch, *call_, shown_);
  }
  recorder_->AddEnd(batch, *call_, status);
  return recorder_->Append(std::move(batch), recorder::Until::kDurable);
}

}  // namespace sallyport::gateway
