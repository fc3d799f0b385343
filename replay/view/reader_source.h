// The record, as far as one reader may see it.
#ifndef SALLYPORT_REPLAY_VIEW_READER_SOURCE_H_
#define SALLYPORT_REPLAY_VIEW_READER_SOURCE_H_

#include <memory>
#include <stop_token>
#include <string>

#include "replay/view/call_source.h"
#include "replay/view/call_store.h"
#include "replay/view/local_store.h"
#include "replay/view/page_tokens.h"
#include "replay/view/reader_rights.h"

namespace sallyport::replay {

// Answers of a store within the rights of one reader: what it may not see is to it as if it were not there. Made for
// each request, which costs nothing; thread-safe.
//
// Errors are those of CallSource, and:
// * NOT_FOUND with one message for calls, sessions and frames that are not there and for those that the reader may not
//   see; so for a session without a call that it may see.
// * PERMISSION_DENIED for ListLooks and Filter.accessed_by without `sees_looks`, VerifyStore without `sees_store`,
//   numbers, checkpoints and descriptors for who has a role for neither them nor calls, and ProveList for who may not
//   see every call, as its proof names the others.
// * FAILED_PRECONDITION for what would show recorded bytes of a call in which something is hidden from the reader:
//   GetEvidence, and EVENT_FORM_RECORD. EVENT_FORM_RAW and GetFrame show the masked message there. Also GetEvidence of
//   a call that has not ended, for who may not see every call. (Of one that has, evidence shows the ids of calls in
//   the same blocks of the log, and nothing else of them: evidence.proto.)
// * INVALID_ARGUMENT for page tokens that were not made for this reader, scope, filter and order.
//
// Those who follow a store share one reading of its log, and are told where they did not keep up (TailHub).
//
// Gaps say how many segments are gone to everybody; of calls that are not indexed, and of damage, to `sees_store` only.
// A descriptor set is for everybody who may see any call: its version, which only a call tells, cannot be guessed.
class ReaderSource final : public CallSource {
 public:
  ReaderSource(std::shared_ptr<CallStore> store, ReaderRights rights);

  absl::StatusOr<v1::SearchCallsResponse> SearchCalls(const v1::SearchCallsRequest& request) override;
  absl::StatusOr<v1::SearchSessionsResponse> SearchSessions(const v1::SearchSessionsRequest& request) override;
  absl::StatusOr<v1::Call> GetCall(const v1::GetCallRequest& request) override;
  absl::Status ReadCall(const v1::ReadCallRequest& request, EventReceiver event) override;
  absl::Status TailCalls(const v1::TailCallsRequest& request, std::stop_token stop, TailReceiver said) override;
  absl::StatusOr<v1::Evidence> GetEvidence(const v1::GetEvidenceRequest& request) override;
  absl::StatusOr<v1::Evidence> ProveList(const v1::ProveListRequest& request) override;
  absl::Status ScanCalls(const v1::SearchCallsRequest& request, std::stop_token stop, ScanReceiver said) override;
  absl::StatusOr<v1::Statistics> GetStatistics(const v1::StatisticsRequest& request) override;
  absl::StatusOr<v1::ListMethodsResponse> ListMethods(const v1::ListMethodsRequest& request) override;
  absl::StatusOr<v1::ListLooksResponse> ListLooks(const v1::ListLooksRequest& request) override;
  absl::Status GetFrame(const v1::GetFrameRequest& request, FrameReceiver part) override;
  absl::Status GetSession(const v1::GetSessionRequest& request, SessionReceiver event) override;
  absl::StatusOr<v1::GetCheckpointsResponse> GetCheckpoints(const v1::GetCheckpointsRequest& request) override;
  absl::Status VerifyStore(const v1::VerifyStoreRequest& request, std::stop_token stop, VerifyReceiver said) override;
  absl::StatusOr<v1::Gaps> GetGaps(const v1::GetGapsRequest& request) override;
  absl::StatusOr<v1::GetDescriptorsResponse> GetDescriptors(const v1::GetDescriptorsRequest& request) override;

 private:
  // OK where a filter says nothing that this reader may not ask.
  absl::Status CheckFilter(const v1::Filter& filter) const;
  // OK where nothing is hidden from this reader in a call that it may see.
  absl::Status CheckUnmasked(const std::string& call);
  bool sees_all() const;

  const std::shared_ptr<CallStore> store_;
  const ReaderRights rights_;
  LocalStore local_;  // within these rights
  const PageTokens tokens_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_READER_SOURCE_H_
