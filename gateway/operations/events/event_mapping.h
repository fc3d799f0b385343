// Events as others read them: OCSF 1.5.0, class API Activity. deploy/EVENTS.md describes each field.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_MAPPING_H_
#define SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_MAPPING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gateway/operations/events/event_log.h"
#include "gateway/operations/events/told_calls.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::gateway {

enum class EventKind { kCallEnd, kRefusal, kDecision, kGap };

// "call_end", "refusal", "decision" and "gap".
const char* EventKindName(EventKind kind);

// As syslog has it (RFC 5424); OCSF has a scale of its own.
enum class EventSeverity { kWarning = 4, kNotice = 5, kInformational = 6 };

struct Event {
  EventKind kind = EventKind::kCallEnd;
  EventSeverity severity = EventSeverity::kInformational;
  absl::Time time;   // when it happened
  std::string json;  // one line of printable ASCII, without its end, of about 8 KiB at most
};

// Who tells.
struct EventSource {
  std::string version;  // of the program
  std::string host;
};

// This program on this machine.
EventSource ThisSource();

// Whether an entry becomes an event.
bool IsTold(const v1::Entry& entry);

// What kind of event an entry with IsTold becomes.
EventKind KindOf(const v1::Entry& entry);

// Nothing of payloads or metadata is in it. Texts are those of the record, so that masks hold, and long ones are cut.
Event MakeEvent(const v1::Entry& entry, const ToldCall& facts, const EventSource& source);

// `now` is when it was found.
Event MakeGapEvent(const LogGap& gap, absl::Time now, const EventSource& source);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_MAPPING_H_
