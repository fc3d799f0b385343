// Rows of the index as what readers are told.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_CALL_SUMMARY_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_CALL_SUMMARY_H_

#include "absl/status/statusor.h"
#include "recorder/format/call_columns.h"
#include "recorder/index/call_search.h"
#include "recorder/index/sqlite/name_reader.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// A call without an end is open. DATA_LOSS if a name does not open.
absl::StatusOr<CallSummary> SummaryOf(const CallRow& row, NameReader& names);

// Of a row with kSessionColumns.
constexpr char kSessionColumns[] = "id, identity, name, peer, port, first_start_ns, last_start_ns, calls";
absl::StatusOr<SessionSummary> SessionSummaryOf(const Statement& row, NameReader& names);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_CALL_SUMMARY_H_
