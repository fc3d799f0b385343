// Compares what a replayed call got with what the record says its caller got.
#ifndef SALLYPORT_REPLAY_REPLAYER_RESPONSE_DIFF_H_
#define SALLYPORT_REPLAY_REPLAYER_RESPONSE_DIFF_H_

#include <memory>
#include <string>
#include <vector>

#include "policy/descriptors/descriptors.h"
#include "replay/replayer/message_diff.h"
#include "replay/replayer/recorded_call.h"
#include "replay/replayer/replayed_response.h"

namespace sallyport::replay {

struct ComparisonOptions {
  // Compare also the metadata that is expected to differ from call to call (VolatileMetadata), and whether status and
  // trailers came alone.
  bool strict = false;
  std::vector<std::string> ignored_metadata;  // globs over names of headers and trailers, in lower case
  std::vector<std::string> ignored_fields;    // globs over paths in messages
};

// Globs over the names of metadata that is not compared unless asked for: dates, timings, traces and request ids.
const std::vector<std::string>& VolatileMetadata();

// Status code, message and details, headers, trailers and frames. Compressed frames are compared by what they hold. Of
// a call that its caller cancelled or whose deadline passed, the frames up to then are compared, as what came after
// them is chance; and where both ended in the same way, the status message is not, since gRPC made it up. Empty if all
// is equal.
std::vector<Difference> CompareResponses(const RecordedCall& record, const ReplayedResponse& response,
                                         const std::shared_ptr<const policy::Descriptors>& descriptors,
                                         const ComparisonOptions& options);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_REPLAYER_RESPONSE_DIFF_H_
