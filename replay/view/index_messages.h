// What the index says, as messages.
#ifndef SALLYPORT_REPLAY_VIEW_INDEX_MESSAGES_H_
#define SALLYPORT_REPLAY_VIEW_INDEX_MESSAGES_H_

#include "recorder/record_reader.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

v1::CallSummary ToMessage(const recorder::CallSummary& call);
v1::SessionSummary ToMessage(const recorder::SessionSummary& session);
// `log_health` is what RecordReader::LogHealth says.
v1::Gaps ToMessage(const recorder::StoreGaps& gaps, const absl::Status& log_health);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_INDEX_MESSAGES_H_
