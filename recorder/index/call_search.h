// What can be asked of an index of calls, and what it says.
#ifndef SALLYPORT_RECORDER_INDEX_CALL_SEARCH_H_
#define SALLYPORT_RECORDER_INDEX_CALL_SEARCH_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {

// Stands in place of the names of a shredded call.
constexpr std::string_view kShreddedName = "(shredded)";

// One row of the index.
struct CallSummary {
  uint64_t id = 0;
  uint64_t session_id = 0;
  std::string identity;  // the subject, "issuer#subject" where there is an issuer, "anonymous" where nobody was proved
  std::string method;    // NameOfMethod
  std::string upstream;  // name, empty if none
  std::string peer;
  absl::Time start;
  // Part of what was recorded is destroyed: of the call nothing is known but its id, and the start which that tells.
  // Identity and method are then kShreddedName, and what follows means nothing.
  bool shredded = false;
  // What follows holds once the call has ended; until then it is open and `end_reason` is unspecified.
  v1::EndReason end_reason = v1::END_REASON_UNSPECIFIED;
  bool connection_lost = false;
  int status_code = 0;
  absl::Duration duration;
  uint64_t request_frames = 0;
  uint64_t response_frames = 0;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
};

// Which calls. Members that are not set match everything; all that are set must match. Shredded calls match only where
// nothing but times is asked for.
struct CallQuery {
  std::string identity;  // glob: `*` any run, `?` any one character
  std::string method;    // glob over "package.Service/Method"
  std::string upstream;  // glob
  std::optional<int> status_code;
  std::optional<uint64_t> session_id;
  std::optional<absl::Time> since;  // started at or after
  std::optional<absl::Time> until;  // started before
  std::optional<absl::Duration> min_duration;
  bool open_only = false;

  enum class Order { kNewestFirst, kOldestFirst };
  Order order = Order::kNewestFirst;
  // Where the previous page ended: only calls beyond this id in the given order.
  std::optional<uint64_t> after;
  int limit = 50;  // at least 1
};

// What the calls of a session that are in the store and not shredded say: identity, peer and first start are those of
// the call with the smallest id, the last start that of the call with the largest. A session without such calls is not
// listed.
struct SessionSummary {
  uint64_t id = 0;
  std::string identity;
  std::string name;  // the `sallyport-session` value, empty where the session is a connection's
  std::string peer;
  absl::Time first_start;
  absl::Time last_start;
  uint64_t calls = 0;
};

struct SessionQuery {
  std::string identity;             // glob
  std::optional<absl::Time> since;  // with a call at or after
  std::optional<uint64_t> after;    // where the previous page ended; newest first
  int limit = 50;
};

// What calls without an end are.
enum class OpenCalls {
  kGoingOn,      // a gateway is running
  kInterrupted,  // none is: shown as ended with END_REASON_INTERRUPTED
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_CALL_SEARCH_H_
