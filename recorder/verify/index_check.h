// Checks that the chains of calls in the log's directories hold together, and that the index agrees with the log.
#ifndef SALLYPORT_RECORDER_VERIFY_INDEX_CHECK_H_
#define SALLYPORT_RECORDER_VERIFY_INDEX_CHECK_H_

#include <vector>

#include "absl/status/status.h"
#include "recorder/verify/log_join.h"
#include "recorder/verify/segment_check.h"
#include "recorder/verify/verifier.h"

namespace sallyport::recorder {

// The calls' chains and their rows. Where the sums over log and index are equal, each block of a call names the one
// before, and each row the last one, and nothing else is in memory. Where they are not (or the index does not know all
// of the log), the directories are read again, for as many calls at a time as fit into memory, to say which call it is.
// `segments` are what was checked, `findings` gets what was found. Errors are what kept it from being done.
absl::Status CheckIndex(const SegmentCheckPlan& plan, const std::vector<CheckedSegmentLog>& segments,
                        const LogJoin& log, IndexedCalls* index, std::vector<Finding>& findings);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_INDEX_CHECK_H_
