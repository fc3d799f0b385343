// The record of a data directory.
#ifndef SALLYPORT_REPLAY_VIEW_LOCAL_STORE_H_
#define SALLYPORT_REPLAY_VIEW_LOCAL_STORE_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "recorder/keys/key_source.h"
#include "replay/view/call_scan.h"
#include "replay/view/call_source.h"
#include "replay/view/call_store.h"
#include "replay/view/reader_rights.h"

namespace sallyport::replay {

// Answers from the log and the index of a store on this machine, also while a gateway writes it.
class LocalStore final : public CallSource {
 public:
  // Errors are those of CallStore::Open. `keys`: where the keys come from; the keyring beside the directory unless
  // given.
  static absl::StatusOr<std::unique_ptr<LocalStore>> Open(const std::string& directory,
                                                          const std::optional<recorder::KeySource>& keys);
  explicit LocalStore(std::shared_ptr<CallStore> store) : store_(std::move(store)) {}
  // As far as `rights` go: calls beyond them are not there, and what is hidden is not shown. What needs another right
  // than to see calls is for who holds this to refuse (ReaderSource).
  LocalStore(std::shared_ptr<CallStore> store, ReaderRights rights)
      : store_(std::move(store)), rights_(std::move(rights)) {}

  absl::StatusOr<v1::SearchCallsResponse> SearchCalls(const v1::SearchCallsRequest& request) override;
  absl::StatusOr<v1::SearchSessionsResponse> SearchSessions(const v1::SearchSessionsRequest& request) override;
  absl::StatusOr<v1::Call> GetCall(const v1::GetCallRequest& request) override;
  absl::Status ReadCall(const v1::ReadCallRequest& request, EventReceiver event) override;
  absl::Status TailCalls(const v1::TailCallsRequest& request, std::stop_token stop, TailReceiver said) override;
  absl::StatusOr<v1::Evidence> GetEvidence(const v1::GetEvidenceRequest& request) override;
  absl::StatusOr<v1::Evidence> ProveList(const v1::ProveListRequest& request) override;
  absl::StatusOr<v1::ListLooksResponse> ListLooks(const v1::ListLooksRequest& request) override;
  absl::Status GetFrame(const v1::GetFrameRequest& request, FrameReceiver part) override;
  absl::Status GetSession(const v1::GetSessionRequest& request, SessionReceiver event) override;
  absl::StatusOr<v1::GetCheckpointsResponse> GetCheckpoints(const v1::GetCheckpointsRequest& request) override;
  absl::Status VerifyStore(const v1::VerifyStoreRequest& request, std::stop_token stop, VerifyReceiver said) override;
  absl::StatusOr<v1::Statistics> GetStatistics(const v1::StatisticsRequest& request) override;
  absl::StatusOr<v1::ListMethodsResponse> ListMethods(const v1::ListMethodsRequest& request) override;
  // Without bounds of its own but those of ScanOptions; see call_scan.h.
  absl::Status ScanCalls(const v1::SearchCallsRequest& request, std::stop_token stop, ScanReceiver said) override;
  absl::StatusOr<v1::Gaps> GetGaps(const v1::GetGapsRequest& request) override;
  absl::StatusOr<v1::GetDescriptorsResponse> GetDescriptors(const v1::GetDescriptorsRequest& request) override;

 private:
  const ReaderRights* rights() const { return rights_.has_value() ? &*rights_ : nullptr; }
  // What every query has to have; nothing where all calls are there.
  std::optional<recorder::CallScope> scope() const;
  // How this reader looks into calls. It refers to this.
  ScanOptions Scans() const;
  // OK if the call is there for this reader.
  absl::Status CheckVisible(uint64_t id);
  absl::StatusOr<v1::SearchCallsResponse> SearchAccessed(const recorder::CallQuery& query, const std::string& reader);

  const std::shared_ptr<CallStore> store_;
  const std::optional<ReaderRights> rights_;  // nothing: everything
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_LOCAL_STORE_H_
