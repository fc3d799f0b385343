// The columns of the index's table `calls`, described once: its schema, what is inserted, selected and updated, and
// what the verifier compares all come from here.
//
// CONTRIBUTING.md says what else a new column takes ("A column of `calls`").
#ifndef SALLYPORT_RECORDER_FORMAT_CALL_COLUMNS_H_
#define SALLYPORT_RECORDER_FORMAT_CALL_COLUMNS_H_

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>

namespace sallyport::recorder {

// `end_reason` of a call that is open.
constexpr int64_t kOpen = 0;
// `end_reason` of a call part of which is destroyed. Its row has its id, its last block that is there, the start that
// the id tells, and zeros.
constexpr int64_t kShredded = -1;
// In `end_reason` of a call that ended: its connection was lost. Beside the reason, so that old rows stay good.
constexpr int64_t kConnectionLost = int64_t{1} << 32;

// One row: a call in the index's own numbers.
struct CallRow {
  int64_t id = 0;
  int64_t identity = 0;
  int64_t session = 0;
  int64_t method = 0;
  int64_t upstream = 0;
  int64_t peer = 0;   // the address without its port
  int64_t port = -1;  // -1 where it has none
  int64_t start_ns = 0;
  int64_t end_reason = kOpen;
  int64_t status = 0;
  int64_t duration_ns = 0;
  int64_t request_frames = 0;
  int64_t response_frames = 0;
  int64_t request_bytes = 0;
  int64_t response_bytes = 0;
  int64_t trace_high = 0;  // the id of its trace as two numbers, the first 8 bytes and the last; both 0 if none
  int64_t trace_low = 0;
  int64_t first_segment = 0;  // where the call begins
  int64_t position = 0;       // Position::packed() of the last block with entries of it
};

struct CallColumn {
  // Which entry of the call says it.
  enum class SaidBy { kStart, kEnd, kEveryBlock };
  enum class Holds {
    kNumber,  // what entries say, or what tells the call from others
    kName,    // the number of a name in the table `names`
    kPlace,   // where in the log the call is, which no entry says
  };

  std::string_view name;
  int64_t CallRow::*value;
  SaidBy said_by;
  Holds holds = Holds::kNumber;
};

// In the order of the table. Nothing is NULL; NOT NULL, checked for each column, would be a noticeable part of what a
// row costs.
inline constexpr CallColumn kCallColumns[] = {
    {"id", &CallRow::id, CallColumn::SaidBy::kStart},
    {"identity", &CallRow::identity, CallColumn::SaidBy::kStart, CallColumn::Holds::kName},
    {"session", &CallRow::session, CallColumn::SaidBy::kStart},
    {"method", &CallRow::method, CallColumn::SaidBy::kStart, CallColumn::Holds::kName},
    {"upstream", &CallRow::upstream, CallColumn::SaidBy::kStart, CallColumn::Holds::kName},
    {"peer", &CallRow::peer, CallColumn::SaidBy::kStart, CallColumn::Holds::kName},
    {"port", &CallRow::port, CallColumn::SaidBy::kStart},
    {"start_ns", &CallRow::start_ns, CallColumn::SaidBy::kStart},
    {"end_reason", &CallRow::end_reason, CallColumn::SaidBy::kEnd},
    {"status", &CallRow::status, CallColumn::SaidBy::kEnd},
    {"duration_ns", &CallRow::duration_ns, CallColumn::SaidBy::kEnd},
    {"request_frames", &CallRow::request_frames, CallColumn::SaidBy::kEnd},
    {"response_frames", &CallRow::response_frames, CallColumn::SaidBy::kEnd},
    {"request_bytes", &CallRow::request_bytes, CallColumn::SaidBy::kEnd},
    {"response_bytes", &CallRow::response_bytes, CallColumn::SaidBy::kEnd},
    {"trace_high", &CallRow::trace_high, CallColumn::SaidBy::kStart},
    {"trace_low", &CallRow::trace_low, CallColumn::SaidBy::kStart},
    {"first_segment", &CallRow::first_segment, CallColumn::SaidBy::kStart, CallColumn::Holds::kPlace},
    {"position", &CallRow::position, CallColumn::SaidBy::kEveryBlock, CallColumn::Holds::kPlace},
};
inline constexpr int kCallColumnCount = static_cast<int>(std::size(kCallColumns));
static_assert(sizeof(CallRow) == kCallColumnCount * sizeof(int64_t), "each member of CallRow is a column");

inline constexpr auto kCallNameCount =
    static_cast<size_t>(std::count_if(std::begin(kCallColumns), std::end(kCallColumns), [](const CallColumn& column) {
      return column.holds == CallColumn::Holds::kName;
    }));

// The place of a column in a row that was selected with CallColumnNames(). Does not compile for what is none.
consteval int ColumnOf(int64_t CallRow::*value) {
  for (int i = 0; i < kCallColumnCount; ++i) {
    if (kCallColumns[i].value == value) return i;
  }
  throw "no column holds this member";
}

// Rows are signed: what an honest gateway never reaches is shown as the largest number.
inline int64_t ColumnValue(uint64_t value) { return static_cast<int64_t>(std::min(value, uint64_t{INT64_MAX})); }

// "id, identity, ...": all of them in order, or those of some members.
std::string CallColumnNames();
std::string CallColumnNames(std::initializer_list<int64_t CallRow::*> values);
// "id INTEGER PRIMARY KEY, identity INTEGER, ..."
std::string CallColumnDefinitions();

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_CALL_COLUMNS_H_
