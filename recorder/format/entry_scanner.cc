#include "recorder/format/entry_scanner.h"

#include "recorder/format/wire_encoding.h"

namespace sallyport::recorder {
namespace {

// One field of a message. `value` is set for varint and fixed types, `bytes` for length-delimited ones.
struct Field {
  uint64_t number = 0;
  uint64_t value = 0;
  std::string_view bytes;
};

// Takes the next field off the front. False if the bytes are malformed, or hold a group.
bool TakeField(std::string_view& bytes, Field& field) {
  uint64_t tag = 0;
  if (!TakeVarint(bytes, tag) || tag >> 3 == 0) return false;
  field.number = tag >> 3;
  field.bytes = {};
  switch (tag & 7) {
    case 0:
      return TakeVarint(bytes, field.value);
    case 1:
      if (bytes.size() < 8) return false;
      field.value = GetFixed<uint64_t>(bytes.data());
      bytes.remove_prefix(8);
      return true;
    case 2:
      return TakeLengthPrefixed(bytes, field.bytes);
    case 5:
      if (bytes.size() < 4) return false;
      field.value = GetFixed<uint32_t>(bytes.data());
      bytes.remove_prefix(4);
      return true;
    default:
      return false;
  }
}

bool ScanIdentity(std::string_view bytes, ScannedStart& start) {
  Field field;
  while (!bytes.empty()) {
    if (!TakeField(bytes, field)) return false;
    switch (field.number) {
      case 1:
        start.issuer = field.bytes;
        break;
      case 2:
        start.subject = field.bytes;
        break;
      case 4:
        start.proof = field.value;
        break;
      default:
        break;
    }
  }
  return true;
}

}  // namespace

bool ScanEntry(std::string_view bytes, ScannedEntry& entry) {
  entry = {};
  Field field;
  while (!bytes.empty()) {
    if (!TakeField(bytes, field)) return false;
    switch (field.number) {
      case 1:
        entry.call_id = field.value;
        break;
      case 2:
        entry.time_ns = static_cast<int64_t>(field.value);
        break;
      case 3:
        entry.kind = ScannedEntry::Event::kStart;
        entry.event = field.bytes;
        break;
      case 7:
        entry.kind = ScannedEntry::Event::kEnd;
        entry.event = field.bytes;
        break;
      default:
        break;
    }
  }
  return true;
}

bool ScanStart(std::string_view event, ScannedStart& start) {
  start = {};
  Field field;
  while (!event.empty()) {
    if (!TakeField(event, field)) return false;
    switch (field.number) {
      case 1:
        start.method = field.bytes;
        break;
      case 3:
        start.peer = field.bytes;
        break;
      case 4:
        if (!ScanIdentity(field.bytes, start)) return false;
        break;
      case 5:
        start.session_id = field.value;
        break;
      case 6:
        start.session_name = field.bytes;
        break;
      case 7:
        start.upstream = field.bytes;
        break;
      default:
        break;
    }
  }
  return true;
}

bool ScanEnd(std::string_view event, ScannedEnd& end) {
  end = {};
  Field field;
  while (!event.empty()) {
    if (!TakeField(event, field)) return false;
    switch (field.number) {
      case 1:
        end.reason = field.value;
        break;
      case 2:
        end.status_code = static_cast<int32_t>(field.value);
        break;
      case 8:
        end.request_frames = field.value;
        break;
      case 9:
        end.response_frames = field.value;
        break;
      case 10:
        end.request_bytes = field.value;
        break;
      case 11:
        end.response_bytes = field.value;
        break;
      case 12:
        end.duration_ns = field.value;
        break;
      case 13:
        end.connection_lost = field.value != 0;
        break;
      default:
        break;
    }
  }
  return true;
}

}  // namespace sallyport::recorder
