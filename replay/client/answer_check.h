// Whether what a server answered has the form that audit.proto gives it.
#ifndef SALLYPORT_REPLAY_CLIENT_ANSWER_CHECK_H_
#define SALLYPORT_REPLAY_CLIENT_ANSWER_CHECK_H_

#include "absl/status/status.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

// Ids, traces and ids of keys are printed as they are, and go on into further questions: from a data directory they can
// be nothing else, and from a server only after this. Everything else that it says is escaped where it is shown.
// DATA_LOSS, naming the field, where one is not what it has to be.
absl::Status CheckAnswer(const v1::CallSummary& call);
absl::Status CheckAnswer(const v1::SessionSummary& session);
absl::Status CheckAnswer(const v1::Call& call);
absl::Status CheckAnswer(const v1::Event& event);
absl::Status CheckAnswer(const v1::TailCallsResponse& said);
absl::Status CheckAnswer(const v1::ScanCallsResponse& said);
absl::Status CheckAnswer(const v1::SessionEvent& said);
absl::Status CheckAnswer(const v1::ListLooksResponse& page);
absl::Status CheckAnswer(const v1::FramePart& part);
// Also that there are no more than were asked for.
absl::Status CheckAnswer(const v1::SearchCallsResponse& page, int page_size);
absl::Status CheckAnswer(const v1::SearchSessionsResponse& page, int page_size);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLIENT_ANSWER_CHECK_H_
