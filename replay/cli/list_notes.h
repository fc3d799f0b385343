// What a list of calls does not show, said beside it, so that nobody takes it for everything.
#ifndef SALLYPORT_REPLAY_CLI_LIST_NOTES_H_
#define SALLYPORT_REPLAY_CLI_LIST_NOTES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "recorder/record_reader.h"
#include "replay/cli/call_filter.h"

namespace sallyport::replay {

// INVALID_ARGUMENT for ids of calls and sessions that are not there, and for numbers that are neither a status of
// gRPC's nor that of a call: they would make a list empty without a word. The query was made of `filter` and `after`,
// which have what was typed.
absl::Status CheckKnown(recorder::RecordReader& reader, const recorder::CallQuery& query, const CallFilter& filter,
                        const std::string& after = "");
// The same for one session, naming `option` and what was typed there. OK without one.
absl::Status CheckSession(recorder::RecordReader& reader, std::optional<uint64_t> session, const char* option,
                          const std::string& typed);

// What might keep from view a call that is asked for and not found; empty if nothing does. Follows a sentence.
std::string WhyNotThere(recorder::RecordReader& reader);

struct ListedCalls {
  uint64_t count = 0;
  bool more = false;  // than are listed
  uint64_t last = 0;  // id of the last one, where --after goes on from there
};

// Says on stderr, a line for each: that the list is filtered, and by what; that there is more; that calls are missing
// because they were shredded or deleted, because the index is behind, or because the log is damaged; and of an empty
// list, which name in the filter no call has.
absl::Status TellAboutCalls(recorder::RecordReader& reader, const CallFilter& filter, const recorder::CallQuery& query,
                            const ListedCalls& listed);

// The same of the store alone, for lists of something else that comes from the index. `by_name`: what is listed was
// chosen by more than times.
absl::Status TellAboutStore(recorder::RecordReader& reader, bool by_name);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_LIST_NOTES_H_
