// The record of a data directory.
#ifndef SALLYPORT_REPLAY_VIEW_LOCAL_STORE_H_
#define SALLYPORT_REPLAY_VIEW_LOCAL_STORE_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "recorder/keys/key_source.h"
#include "replay/view/call_source.h"
#include "replay/view/call_store.h"

namespace sallyport::replay {

// Answers from the log and the index of a store on this machine, also while a gateway writes it.
class LocalStore final : public CallSource {
 public:
  // Errors are those of CallStore::Open. `keys`: where the keys come from; the keyring beside the directory unless
  // given.
  static absl::StatusOr<std::unique_ptr<LocalStore>> Open(const std::string& directory,
                                                          const std::optional<recorder::KeySource>& keys);
  explicit LocalStore(std::shared_ptr<CallStore> store) : store_(std::move(store)) {}

  absl::StatusOr<v1::SearchCallsResponse> SearchCalls(const v1::SearchCallsRequest& request) override;
  absl::StatusOr<v1::SearchSessionsResponse> SearchSessions(const v1::SearchSessionsRequest& request) override;
  absl::StatusOr<v1::Call> GetCall(const v1::GetCallRequest& request) override;
  absl::Status ReadCall(const v1::ReadCallRequest& request, EventReceiver event) override;
  absl::Status TailCalls(const v1::TailCallsRequest& request, std::stop_token stop, TailReceiver said) override;
  absl::StatusOr<v1::Evidence> GetEvidence(const v1::GetEvidenceRequest& request) override;
  absl::StatusOr<v1::Evidence> ProveList(const v1::ProveListRequest& request) override;
  // Without bounds of its own but those of ScanOptions; see call_scan.h.
  absl::Status ScanCalls(const v1::SearchCallsRequest& request, std::stop_token stop, ScanReceiver said) override;
  absl::StatusOr<v1::Gaps> GetGaps(const v1::GetGapsRequest& request) override;
  absl::StatusOr<v1::GetDescriptorsResponse> GetDescriptors(const v1::GetDescriptorsRequest& request) override;

 private:
  const std::shared_ptr<CallStore> store_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_LOCAL_STORE_H_
