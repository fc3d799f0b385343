#include "recorder/format/entry_scanner.h"

#include "recorder/format/wire_encoding.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {
namespace {

bool ScanIdentity(std::string_view bytes, ScannedStart& start) {
  WireField field;
  while (!bytes.empty()) {
    if (!TakeField(bytes, field)) return false;
    switch (field.number()) {
      case v1::Identity::kIssuerFieldNumber:
        start.issuer = field.content;
        break;
      case v1::Identity::kSubjectFieldNumber:
        start.subject = field.content;
        break;
      case v1::Identity::kProofFieldNumber:
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
  WireField field;
  while (!bytes.empty()) {
    if (!TakeField(bytes, field)) return false;
    switch (field.number()) {
      case v1::Entry::kCallIdFieldNumber:
        entry.call_id = field.value;
        break;
      case v1::Entry::kTimeNsFieldNumber:
        entry.time_ns = static_cast<int64_t>(field.value);
        break;
      case v1::Entry::kStartFieldNumber:
        entry.kind = ScannedEntry::Event::kStart;
        entry.event = field.content;
        break;
      case v1::Entry::kEndFieldNumber:
        entry.kind = ScannedEntry::Event::kEnd;
        entry.event = field.content;
        break;
      default:
        break;
    }
  }
  return true;
}

bool ScanStart(std::string_view event, ScannedStart& start) {
  start = {};
  WireField field;
  while (!event.empty()) {
    if (!TakeField(event, field)) return false;
    switch (field.number()) {
      case v1::CallStart::kMethodFieldNumber:
        start.method = field.content;
        break;
      case v1::CallStart::kPeerFieldNumber:
        start.peer = field.content;
        break;
      case v1::CallStart::kIdentityFieldNumber:
        if (!ScanIdentity(field.content, start)) return false;
        break;
      case v1::CallStart::kSessionIdFieldNumber:
        start.session_id = field.value;
        break;
      case v1::CallStart::kSessionNameFieldNumber:
        start.session_name = field.content;
        break;
      case v1::CallStart::kUpstreamFieldNumber:
        start.upstream = field.content;
        break;
      case v1::CallStart::kTraceIdFieldNumber:
        start.trace_id = field.content;
        break;
      default:
        break;
    }
  }
  return true;
}

bool ScanEnd(std::string_view event, CallRow& row) {
  int64_t reason = 0;
  bool connection_lost = false;
  WireField field;
  while (!event.empty()) {
    if (!TakeField(event, field)) return false;
    switch (field.number()) {
      case v1::CallEnd::kReasonFieldNumber:
        reason = ColumnValue(field.value);
        break;
      case v1::CallEnd::kStatusCodeFieldNumber:
        row.status = static_cast<int32_t>(field.value);
        break;
      case v1::CallEnd::kRequestFramesFieldNumber:
        row.request_frames = ColumnValue(field.value);
        break;
      case v1::CallEnd::kResponseFramesFieldNumber:
        row.response_frames = ColumnValue(field.value);
        break;
      case v1::CallEnd::kRequestBytesFieldNumber:
        row.request_bytes = ColumnValue(field.value);
        break;
      case v1::CallEnd::kResponseBytesFieldNumber:
        row.response_bytes = ColumnValue(field.value);
        break;
      case v1::CallEnd::kDurationNsFieldNumber:
        row.duration_ns = ColumnValue(field.value);
        break;
      case v1::CallEnd::kConnectionLostFieldNumber:
        connection_lost = field.value != 0;
        break;
      default:
        break;
    }
  }
  row.end_reason = reason | (connection_lost ? kConnectionLost : 0);
  return true;
}

}  // namespace sallyport::recorder
