#include "recorder/index/sqlite/call_conditions.h"

#include <algorithm>

#include "recorder/format/call_columns.h"

namespace sallyport::recorder {
namespace {

bool IsOneOf(const std::optional<std::vector<int64_t>>& numbers, int64_t number) {
  return !numbers.has_value() || std::binary_search(numbers->begin(), numbers->end(), number);
}

}  // namespace

bool Fulfils(const Statement& row, const CallConditions& conditions) {
  const int64_t end_reason = row.Integer(ColumnOf(&CallRow::end_reason));
  if (end_reason == kShredded) {
    // Nothing is known of it but when it began.
    if (conditions.identities || conditions.methods || conditions.upstreams || conditions.session || conditions.trace ||
        conditions.status || conditions.min_duration_ns || conditions.open_only) {
      return false;
    }
  }
  if (conditions.scope &&
      !IsInScope(*conditions.scope, end_reason, row.Integer(ColumnOf(&CallRow::identity)),
                 row.Integer(ColumnOf(&CallRow::method)), row.Integer(ColumnOf(&CallRow::upstream)))) {
    return false;
  }
  const int64_t start_ns = row.Integer(ColumnOf(&CallRow::start_ns));
  if (start_ns < conditions.since_ns || start_ns >= conditions.until_ns) return false;
  if (!IsOneOf(conditions.identities, row.Integer(ColumnOf(&CallRow::identity))) ||
      !IsOneOf(conditions.methods, row.Integer(ColumnOf(&CallRow::method))) ||
      !IsOneOf(conditions.upstreams, row.Integer(ColumnOf(&CallRow::upstream)))) {
    return false;
  }
  if (conditions.session && row.Integer(ColumnOf(&CallRow::session)) != *conditions.session) return false;
  if (conditions.trace && TraceNumbers{row.Integer(ColumnOf(&CallRow::trace_high)),
                                       row.Integer(ColumnOf(&CallRow::trace_low))} != *conditions.trace) {
    return false;
  }
  const bool open = end_reason == kOpen;
  if (conditions.open_only && !open) return false;
  if (conditions.status &&
      !(open ? conditions.or_open : row.Integer(ColumnOf(&CallRow::status)) == *conditions.status)) {
    return false;
  }
  return !conditions.min_duration_ns ||
         (!open && row.Integer(ColumnOf(&CallRow::duration_ns)) >= *conditions.min_duration_ns);
}

}  // namespace sallyport::recorder
