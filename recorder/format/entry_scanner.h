// Reads from serialised entries what the index needs, without building messages.
#ifndef SALLYPORT_RECORDER_FORMAT_ENTRY_SCANNER_H_
#define SALLYPORT_RECORDER_FORMAT_ENTRY_SCANNER_H_

#include <cstdint>
#include <string_view>

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
};

struct ScannedEnd {
  uint64_t reason = 0;
  int32_t status_code = 0;
  uint64_t request_frames = 0;
  uint64_t response_frames = 0;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
  uint64_t duration_ns = 0;
  bool connection_lost = false;
};

// Each returns false if the bytes are no such message.
bool ScanEntry(std::string_view bytes, ScannedEntry& entry);
bool ScanStart(std::string_view event, ScannedStart& start);
bool ScanEnd(std::string_view event, ScannedEnd& end);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_ENTRY_SCANNER_H_
