// The part of RelayedCall that tells of the call's end to whom the configuration says: traces and the log.
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gateway/operations/log/call_log.h"
#include "gateway/relay/call_trace.h"
#include "gateway/relay/frames/metadata_views.h"
#include "gateway/relay/relayed_call.h"

namespace sallyport::gateway {
namespace {

const char* HowItEnded(EndReason reason) {
  switch (reason) {
    case EndReason::kCompleted:
      return "completed";
    case EndReason::kCancelled:
      return "cancelled";
    case EndReason::kDeadline:
      return "deadline";
    case EndReason::kUpstreamFailure:
      return "upstream failure";
    case EndReason::kRefused:
      return "refused";
    case EndReason::kInterrupted:
      return "interrupted";
  }
  return "";
}

std::string IdentityOf(const CallContext& call) {
  if (!call.proof.proved) return "";
  if (call.proof.caller.anonymous()) return "anonymous";
  const ProvedIdentity& identity = call.proof.caller.named();
  if (identity.issuer.empty()) return identity.subject;
  return absl::StrCat(identity.issuer, "#", identity.subject);
}

std::string TraceOf(const CallContext& call) {
  const RecordedMetadata metadata = CallerMetadataForRecord(call);
  return absl::BytesToHexString(TraceIdForRecord(call, metadata.pairs));
}

}  // namespace

void RelayedCall::ReportEnd() {
  const CallLog* const log = context_.rules->call_log.get();
  if (log == nullptr && context_.trace == nullptr) return;
  CallLine line;
  Call::Outcome outcome;
  {
    absl::MutexLock lock(&mutex_);
    outcome = call_.outcome();
    line.request_frames = call_.request_frames();
    line.response_frames = call_.response_frames();
    line.request_bytes = call_.request_bytes();
    line.response_bytes = call_.response_bytes();
  }
  if (context_.trace != nullptr) context_.trace->OnEnd(context_, outcome.code);
  if (log == nullptr || !log->Wants(outcome.code)) return;
  line.id = context_.IdText();
  line.method = MethodForReports(context_);
  line.identity = IdentityOf(context_);
  line.peer = context_.arrival.peer;
  if (context_.upstream() != nullptr) line.upstream = context_.upstream()->name();
  line.trace_id = TraceOf(context_);
  line.code = outcome.code;
  line.status_message = TextIn(context_, policy::MaskView::kRecord, std::move(outcome.message));
  line.ended = HowItEnded(outcome.reason);
  line.duration = context_.Elapsed();
  log->Tell(line);
}

}  // namespace sallyport::gateway
