// Who has seen a call.
#ifndef SALLYPORT_REPLAY_CLI_LOOKS_H_
#define SALLYPORT_REPLAY_CLI_LOOKS_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "replay/cli/record_json.h"
#include "replay/view/call_source.h"

namespace sallyport::replay {

// The newest looks in which a call was shown; nothing where the source does not tell them, or not to whoever asks.
absl::StatusOr<std::optional<v1::ListLooksResponse>> FindLooks(CallSource& source, const std::string& call);

// For `show`: below the call, or as members that end its object, `"looks":…,"more_looks":…`.
void PrintLooks(const std::optional<v1::ListLooksResponse>& looks);
std::string LooksMembers(const std::optional<v1::ListLooksResponse>& looks);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_LOOKS_H_
