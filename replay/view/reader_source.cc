#include "replay/view/reader_source.h"

#include <algorithm>
#include <utility>

#include "replay/view/tail_hub.h"
#include "replay/view/visible_calls.h"

namespace sallyport::replay {
namespace {

// What tells of callers, or of single calls, and not only how many there are.
bool TellsOfCallers(const v1::Filter& filter) {
  return !filter.identity().empty() || !filter.session().empty() || !filter.trace_id().empty() ||
         !filter.text().empty() || !filter.where().empty() || !filter.correlation().empty() ||
         !filter.accessed_by().empty();
}

bool TellsOfCallers(const v1::StatisticsRequest& request) {
  const auto& keys = request.group_by();
  return TellsOfCallers(request.filter()) ||
         std::find(keys.begin(), keys.end(), v1::STATISTICS_KEY_IDENTITY) != keys.end();
}

absl::Status NoCalls() { return absl::PermissionDeniedError("no role of yours shows calls"); }

}  // namespace

ReaderSource::ReaderSource(std::shared_ptr<CallStore> store, ReaderRights rights)
    : store_(std::move(store)), rights_(std::move(rights)), local_(store_, rights_), tokens_(store_->keys(), rights_) {}

bool ReaderSource::sees_all() const { return HasEverything(rights_.scope); }

absl::Status ReaderSource::CheckFilter(const v1::Filter& filter) const {
  if (filter.accessed_by().empty() || rights_.sees_looks) return absl::OkStatus();
  return absl::PermissionDeniedError("filter.accessed_by: who has seen what is for auditors");
}

absl::Status ReaderSource::CheckUnmasked(const std::string& call) {
  v1::ReadCallRequest request;
  request.set_call(call);
  request.set_form(v1::EVENT_FORM_RECORD);
  const absl::Status enough = absl::CancelledError("the first entry says it");
  const absl::Status status = local_.ReadCall(request, [&](v1::Event& /*event*/) { return enough; });
  return status == enough ? absl::OkStatus() : status;
}

absl::StatusOr<v1::SearchCallsResponse> ReaderSource::SearchCalls(const v1::SearchCallsRequest& request) {
  if (absl::Status status = CheckFilter(request.filter()); !status.ok()) return status;
  absl::StatusOr<std::string> token = tokens_.Open(request, request.page_token());
  if (!token.ok()) return token.status();
  v1::SearchCallsRequest opened = request;
  opened.set_page_token(*std::move(token));
  absl::StatusOr<v1::SearchCallsResponse> response = local_.SearchCalls(opened);
  if (response.ok()) response->set_next_page_token(tokens_.Seal(request, response->next_page_token()));
  return response;
}

absl::StatusOr<v1::SearchSessionsResponse> ReaderSource::SearchSessions(const v1::SearchSessionsRequest& request) {
  absl::StatusOr<std::string> token = tokens_.Open(request, request.page_token());
  if (!token.ok()) return token.status();
  v1::SearchSessionsRequest opened = request;
  opened.set_page_token(*std::move(token));
  absl::StatusOr<v1::SearchSessionsResponse> response = local_.SearchSessions(opened);
  if (response.ok()) response->set_next_page_token(tokens_.Seal(request, response->next_page_token()));
  return response;
}

absl::StatusOr<v1::Call> ReaderSource::GetCall(const v1::GetCallRequest& request) { return local_.GetCall(request); }

absl::Status ReaderSource::ReadCall(const v1::ReadCallRequest& request, EventReceiver event) {
  return local_.ReadCall(request, event);
}

absl::Status ReaderSource::TailCalls(const v1::TailCallsRequest& request, std::stop_token stop, TailReceiver said) {
  return TailHub::Of(store_)->Tell(request, rights_, stop, said);
}

absl::StatusOr<v1::Evidence> ReaderSource::GetEvidence(const v1::GetEvidenceRequest& request) {
  if (absl::Status status = CheckUnmasked(request.call()); !status.ok()) return status;
  absl::StatusOr<v1::Evidence> evidence = local_.GetEvidence(request);
  if (evidence.ok() && evidence->call().later_size() > 0 && !sees_all()) {
    return absl::FailedPreconditionError(
        "the call has not ended: until then its evidence names all other calls, which you may not see");
  }
  return evidence;
}

absl::StatusOr<v1::Evidence> ReaderSource::ProveList(const v1::ProveListRequest& request) {
  if (!sees_all()) {
    return absl::PermissionDeniedError("what proves that a list is whole names all other calls: ask an auditor");
  }
  for (const std::string& call : request.calls()) {
    if (absl::Status status = CheckUnmasked(call); !status.ok()) return status;
  }
  return local_.ProveList(request);
}

absl::Status ReaderSource::ScanCalls(const v1::SearchCallsRequest& request, std::stop_token stop, ScanReceiver said) {
  if (absl::Status status = CheckFilter(request.filter()); !status.ok()) return status;
  absl::StatusOr<std::string> token = tokens_.Open(request, request.page_token());
  if (!token.ok()) return token.status();
  v1::SearchCallsRequest opened = request;
  opened.set_page_token(*std::move(token));
  return local_.ScanCalls(opened, std::move(stop), [&](const v1::ScanCallsResponse& found) {
    if (found.progress().next_page_token().empty()) return said(found);
    v1::ScanCallsResponse sealed = found;
    sealed.mutable_progress()->set_next_page_token(tokens_.Seal(request, found.progress().next_page_token()));
    return said(sealed);
  });
}

absl::StatusOr<v1::Statistics> ReaderSource::GetStatistics(const v1::StatisticsRequest& request) {
  if (absl::Status status = CheckFilter(request.filter()); !status.ok()) return status;
  if (rights_.sees_numbers && !TellsOfCallers(request)) return LocalStore(store_).GetStatistics(request);
  if (!rights_.scope.parts.empty()) return local_.GetStatistics(request);
  if (!rights_.sees_numbers) return NoCalls();
  return absl::PermissionDeniedError(
      "filter, group_by: your roles show numbers of all calls, but nothing that tells of callers");
}

absl::StatusOr<v1::ListMethodsResponse> ReaderSource::ListMethods(const v1::ListMethodsRequest& request) {
  if (rights_.sees_numbers) return LocalStore(store_).ListMethods(request);
  return rights_.scope.parts.empty() ? NoCalls() : local_.ListMethods(request);
}

absl::StatusOr<v1::ListLooksResponse> ReaderSource::ListLooks(const v1::ListLooksRequest& request) {
  if (!rights_.sees_looks) return absl::PermissionDeniedError("who has seen what is for auditors");
  absl::StatusOr<std::string> token = tokens_.Open(request, request.page_token());
  if (!token.ok()) return token.status();
  v1::ListLooksRequest opened = request;
  opened.set_page_token(*std::move(token));
  absl::StatusOr<v1::ListLooksResponse> response = local_.ListLooks(opened);
  if (response.ok()) response->set_next_page_token(tokens_.Seal(request, response->next_page_token()));
  return response;
}

absl::Status ReaderSource::GetFrame(const v1::GetFrameRequest& request, FrameReceiver part) {
  return local_.GetFrame(request, part);
}

absl::Status ReaderSource::GetSession(const v1::GetSessionRequest& request, SessionReceiver event) {
  return local_.GetSession(request, event);
}

absl::StatusOr<v1::GetCheckpointsResponse> ReaderSource::GetCheckpoints(const v1::GetCheckpointsRequest& request) {
  if (rights_.scope.parts.empty() && !rights_.sees_store) return NoCalls();
  return local_.GetCheckpoints(request);
}

absl::Status ReaderSource::VerifyStore(const v1::VerifyStoreRequest& request, std::stop_token stop,
                                       VerifyReceiver said) {
  if (rights_.sees_store) return local_.VerifyStore(request, std::move(stop), said);
  return absl::PermissionDeniedError("to verify the store is for auditors and operators");
}

absl::StatusOr<v1::Gaps> ReaderSource::GetGaps(const v1::GetGapsRequest& request) {
  absl::StatusOr<v1::Gaps> gaps = local_.GetGaps(request);
  if (!gaps.ok() || rights_.sees_store) return gaps;
  gaps->clear_unindexed_calls();
  gaps->clear_more_unindexed();
  gaps->clear_unindexed_since();
  gaps->clear_log_damage();
  return gaps;
}

absl::StatusOr<v1::GetDescriptorsResponse> ReaderSource::GetDescriptors(const v1::GetDescriptorsRequest& request) {
  if (rights_.scope.parts.empty()) return NoCalls();
  return local_.GetDescriptors(request);
}

}  // namespace sallyport::replay
