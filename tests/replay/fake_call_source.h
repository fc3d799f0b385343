// A record in memory.
#ifndef SALLYPORT_TESTS_REPLAY_FAKE_CALL_SOURCE_H_
#define SALLYPORT_TESTS_REPLAY_FAKE_CALL_SOURCE_H_

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "recorder/format/call_id.h"
#include "replay/replayer/recorded_call.h"
#include "replay/view/call_source.h"
#include "tests/replay/record_builder.h"

namespace sallyport::replay {

// Knows the entries of calls by id, and nothing else.
class FakeCallSource final : public CallSource {
 public:
  void Add(const RecordBuilder& call) { calls_[recorder::FormatId(call.id())] = call.entries(); }

  absl::Status ReadCall(const v1::ReadCallRequest& request, EventReceiver event) override {
    if (request.form() != v1::EVENT_FORM_RECORD) return Unknown();
    const auto found = calls_.find(request.call());
    if (found == calls_.end()) return absl::NotFoundError("there is no such call");
    for (const v1::Entry& each : found->second) {
      v1::Event recorded;
      *recorded.mutable_record() = each;
      if (absl::Status status = event(recorded); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<v1::SearchCallsResponse> SearchCalls(const v1::SearchCallsRequest&) override { return Unknown(); }
  absl::StatusOr<v1::SearchSessionsResponse> SearchSessions(const v1::SearchSessionsRequest&) override {
    return Unknown();
  }
  absl::StatusOr<v1::Call> GetCall(const v1::GetCallRequest&) override { return Unknown(); }
  absl::Status TailCalls(const v1::TailCallsRequest&, std::stop_token, TailReceiver) override { return Unknown(); }
  absl::StatusOr<v1::Evidence> GetEvidence(const v1::GetEvidenceRequest&) override { return Unknown(); }
  absl::StatusOr<v1::Evidence> ProveList(const v1::ProveListRequest&) override { return Unknown(); }
  absl::Status ScanCalls(const v1::SearchCallsRequest&, std::stop_token, ScanReceiver) override { return Unknown(); }
  absl::StatusOr<v1::Statistics> GetStatistics(const v1::StatisticsRequest&) override { return Unknown(); }
  absl::StatusOr<v1::ListMethodsResponse> ListMethods(const v1::ListMethodsRequest&) override { return Unknown(); }
  absl::StatusOr<v1::ListLooksResponse> ListLooks(const v1::ListLooksRequest&) override { return Unknown(); }
  absl::Status GetFrame(const v1::GetFrameRequest&, FrameReceiver) override { return Unknown(); }
  absl::Status GetSession(const v1::GetSessionRequest&, SessionReceiver) override { return Unknown(); }
  absl::StatusOr<v1::GetCheckpointsResponse> GetCheckpoints(const v1::GetCheckpointsRequest&) override {
    return Unknown();
  }
  absl::Status VerifyStore(const v1::VerifyStoreRequest&, std::stop_token, VerifyReceiver) override {
    return Unknown();
  }
  absl::StatusOr<v1::Gaps> GetGaps(const v1::GetGapsRequest&) override { return Unknown(); }
  absl::StatusOr<v1::GetDescriptorsResponse> GetDescriptors(const v1::GetDescriptorsRequest&) override {
    return Unknown();
  }

 private:
  static absl::Status Unknown() { return absl::UnimplementedError("the fake record has entries only"); }

  std::map<std::string, std::vector<v1::Entry>> calls_;
};

// A call loaded from its record, which must be whole.
inline RecordedCall LoadWhole(const RecordBuilder& builder) {
  FakeCallSource source;
  source.Add(builder);
  return LoadRecordedCall(source, builder.id()).value();
}

}  // namespace sallyport::replay

#endif  // SALLYPORT_TESTS_REPLAY_FAKE_CALL_SOURCE_H_
