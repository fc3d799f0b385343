// Where recorded calls come from.
#ifndef SALLYPORT_REPLAY_VIEW_CALL_SOURCE_H_
#define SALLYPORT_REPLAY_VIEW_CALL_SOURCE_H_

#include <cstdint>
#include <stop_token>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sallyport/v1/audit.pb.h"
#include "sallyport/v1/evidence.pb.h"

namespace sallyport::replay {

// What can be asked of a record, in the messages of audit.proto, which say what they mean. A seam: a data directory
// (LocalStore) stands behind it as a gateway's audit service can, and commands do not see which. Thread-safe.
//
// Errors of all: INVALID_ARGUMENT names the field of the request; NOT_FOUND where there is no such call;
// FAILED_PRECONDITION where it is shredded; DATA_LOSS, PERMISSION_DENIED and UNAVAILABLE say what is wrong where.
class CallSource {
 public:
  virtual ~CallSource() = default;

  // One page. For all pages see reading.h.
  virtual absl::StatusOr<v1::SearchCallsResponse> SearchCalls(const v1::SearchCallsRequest& request) = 0;
  virtual absl::StatusOr<v1::SearchSessionsResponse> SearchSessions(const v1::SearchSessionsRequest& request) = 0;
  virtual absl::StatusOr<v1::Call> GetCall(const v1::GetCallRequest& request) = 0;

  // Hands on every event of a call in order, until `event` returns an error, which is then returned. The event may be
  // taken apart.
  using EventReceiver = absl::FunctionRef<absl::Status(v1::Event& event)>;
  virtual absl::Status ReadCall(const v1::ReadCallRequest& request, EventReceiver event) = 0;

  // Follows the record from now on, until it is told to stop (OK) or `said` returns an error, which is then returned.
  using TailReceiver = absl::FunctionRef<absl::Status(const v1::TailCallsResponse& said)>;
  virtual absl::Status TailCalls(const v1::TailCallsRequest& request, std::stop_token stop, TailReceiver said) = 0;

  // Both are checked before they are returned, and wait some seconds for a checkpoint that covers what is asked for.
  virtual absl::StatusOr<v1::Evidence> GetEvidence(const v1::GetEvidenceRequest& request) = 0;
  virtual absl::StatusOr<v1::Evidence> ProveList(const v1::ProveListRequest& request) = 0;

  // Hands on what is found and how far it has come, until all has been seen, a bound on time and bytes is reached, it
  // is told to stop (CANCELLED), or `said` returns an error, which is then returned.
  using ScanReceiver = absl::FunctionRef<absl::Status(const v1::ScanCallsResponse& said)>;
  virtual absl::Status ScanCalls(const v1::SearchCallsRequest& request, std::stop_token stop, ScanReceiver said) = 0;
  virtual absl::StatusOr<v1::Statistics> GetStatistics(const v1::StatisticsRequest& request) = 0;
  virtual absl::StatusOr<v1::ListMethodsResponse> ListMethods(const v1::ListMethodsRequest& request) = 0;
  virtual absl::StatusOr<v1::ListLooksResponse> ListLooks(const v1::ListLooksRequest& request) = 0;
  using FrameReceiver = absl::FunctionRef<absl::Status(const v1::FramePart& part)>;
  virtual absl::Status GetFrame(const v1::GetFrameRequest& request, FrameReceiver part) = 0;
  using SessionReceiver = absl::FunctionRef<absl::Status(v1::SessionEvent& event)>;
  virtual absl::Status GetSession(const v1::GetSessionRequest& request, SessionReceiver event) = 0;
  virtual absl::StatusOr<v1::GetCheckpointsResponse> GetCheckpoints(const v1::GetCheckpointsRequest& request) = 0;
  // Until it is told to stop (CANCELLED).
  using VerifyReceiver = absl::FunctionRef<absl::Status(const v1::VerifyStoreResponse& said)>;
  virtual absl::Status VerifyStore(const v1::VerifyStoreRequest& request, std::stop_token stop,
                                   VerifyReceiver said) = 0;

  virtual absl::StatusOr<v1::Gaps> GetGaps(const v1::GetGapsRequest& request) = 0;
  // NOT_FOUND if no set is kept under that version.
  virtual absl::StatusOr<v1::GetDescriptorsResponse> GetDescriptors(const v1::GetDescriptorsRequest& request) = 0;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_CALL_SOURCE_H_
