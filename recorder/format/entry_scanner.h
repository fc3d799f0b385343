// Reads from serialised entries what the index needs, without building messages.
#ifndef SALLYPORT_RECORDER_FORMAT_ENTRY_SCANNER_H_
#define SALLYPORT_RECORDER_FORMAT_ENTRY_SCANNER_H_

#include <cstdint>
#include <string_view>

#include "recorder/format/call_columns.h"

namespace sallyport::recorder {

// An entry's head. `event` is the serialised CallStart or CallEnd; views point into the scanned bytes.
struct ScannedEntry {
  enum class Event { kOther, kStart, kEnd };

  uint64_t call_id = 0;
  int64_t time_ns = 0;
  Event kind = Event::kOther;
  std::string_view event;
};

struct ScannedStart {
  std::string_view method;
  std::string_view peer;
  std::string_view issuer;
  std::string_view subject;
  uint64_t proof = 0;
  uint64_t session_id = 0;
  std::string_view session_name;
  std::string_view upstream;
  std::string_view trace_id;  // 16 bytes, or none that counts
};

// Each returns false if the bytes are no such message.
bool ScanEntry(std::string_view bytes, ScannedEntry& entry);
bool ScanStart(std::string_view event, ScannedStart& start);
// Sets those columns that an end says.
bool ScanEnd(std::string_view event, CallRow& row);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_ENTRY_SCANNER_H_
