// What a list of calls does not show, said beside it, so that nobody takes it for everything.
#ifndef SALLYPORT_REPLAY_CLI_LIST_NOTES_H_
#define SALLYPORT_REPLAY_CLI_LIST_NOTES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "replay/cli/call_options.h"
#include "replay/view/call_source.h"

namespace sallyport::replay {

// INVALID_ARGUMENT for ids of calls and sessions that are not there, and for numbers that are neither a status of
// gRPC's nor that of a call: they would make a list empty without a word. The request was made of `filter` and `after`,
// which have what was typed.
absl::Status CheckKnown(CallSource& source, const v1::SearchCallsRequest& request, const CallFilter& filter,
                        const std::string& after = "");
// The same for the id of one session, naming `option` and what was typed there. OK for an empty one.
absl::Status CheckSession(CallSource& source, const std::string& session, const char* option, const std::string& typed);

// What might keep from view a call that is asked for and not found; empty if nothing does. Follows a sentence.
std::string WhyNotThere(CallSource& source);

struct ListedCalls {
  uint64_t count = 0;
  bool more = false;     // than are listed
  bool limited = false;  // others were not looked for
  std::string last;      // id of the last one, where --after goes on from there
};

// Says on stderr, a line for each: that the list is filtered, and by what; that there is more; that calls are missing
// because they were shredded or deleted, because the index is behind, or because the log is damaged; and of an empty
// list, which name in the filter no call has. `wanted` was made of `filter`.
absl::Status NoteWhatCallsLack(CallSource& source, const CallFilter& filter, const v1::Filter& wanted,
                               const ListedCalls& listed);

// The same of the store alone, for lists of something else that comes from the index. `by_name`: what is listed was
// chosen by more than times.
absl::Status NoteWhatStoreLacks(CallSource& source, bool by_name);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_LIST_NOTES_H_
