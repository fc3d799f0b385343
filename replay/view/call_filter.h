// Which calls are meant.
#ifndef SALLYPORT_REPLAY_VIEW_CALL_FILTER_H_
#define SALLYPORT_REPLAY_VIEW_CALL_FILTER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/record_reader.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

// What pages hold at most, and where nothing is said.
inline constexpr int kMostPage = 1000;
inline constexpr int kUsualPage = 50;

// The id that an id's text stands for. INVALID_ARGUMENT names the field.
absl::StatusOr<uint64_t> ReadIdField(const std::string& text, const char* field);

// The 16 bytes of a trace's id, written as 32 digits in hex. INVALID_ARGUMENT if the text is none, or all zeros.
absl::StatusOr<std::string> ReadTraceId(const std::string& text);

// The requests as the index understands them, their page size as `limit`. INVALID_ARGUMENT names the field that cannot
// be read, or that contradicts another.
absl::StatusOr<recorder::CallQuery> ToQuery(const v1::SearchCallsRequest& request);
absl::StatusOr<recorder::SessionQuery> ToQuery(const v1::SearchSessionsRequest& request);

// Whether a call of this identity, method and upstream is meant, as far as these tell.
bool MatchesNames(const v1::Filter& filter, const std::string& identity, const std::string& method,
                  const std::string& upstream);

// Whether anything but times is asked for: shredded calls are left out then.
bool AsksForMoreThanTimes(const v1::Filter& filter);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_CALL_FILTER_H_
