// Writes the record of a call by hand.
#ifndef SALLYPORT_TESTS_REPLAY_RECORD_BUILDER_H_
#define SALLYPORT_TESTS_REPLAY_RECORD_BUILDER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

// Each method adds one entry, a millisecond after the one before it unless `At` says when. A value.
class RecordBuilder {
 public:
  RecordBuilder(uint64_t id, const std::string& method, int64_t start_ms = 1'767'323'045'000)
      : id_(id), now_ms_(start_ms) {
    v1::CallStart& start = *Add().mutable_start();
    start.set_method(method);
    start.set_authority("recorded.example");
  }

  // The start, to be changed.
  v1::CallStart& start() { return *entries_.front().mutable_start(); }
  RecordBuilder& Metadata(const std::string& key, const std::string& value, bool fingerprint = false) {
    v1::Metadatum& metadatum = *start().add_metadata();
    metadatum.set_key(key);
    metadatum.set_value(value);
    metadatum.set_fingerprint(fingerprint);
    return *this;
  }

  // The next entry's time, after the start.
  RecordBuilder& At(int64_t ms) {
    now_ms_ = static_cast<int64_t>(entries_.front().time_ns() / 1'000'000) + ms;
    return *this;
  }

  RecordBuilder& Request(const std::string& payload, bool compressed = false) {
    return AddFrame(v1::DIRECTION_REQUEST, requests_++, payload, compressed);
  }
  RecordBuilder& Response(const std::string& payload, bool compressed = false) {
    return AddFrame(v1::DIRECTION_RESPONSE, responses_++, payload, compressed);
  }
  RecordBuilder& HalfClose() {
    Add().mutable_half_close();
    return *this;
  }
  RecordBuilder& Headers(const std::vector<std::pair<std::string, std::string>>& metadata = {},
                         const std::string& encoding = "") {
    v1::ResponseHeaders& headers = *Add().mutable_response_headers();
    for (const auto& [key, value] : metadata) {
      v1::Metadatum& metadatum = *headers.add_metadata();
      metadatum.set_key(key);
      metadatum.set_value(value);
    }
    headers.set_encoding(encoding);
    return *this;
  }
  RecordBuilder& End(int status_code = 0, const std::string& message = "",
                     v1::EndReason reason = v1::END_REASON_COMPLETED) {
    v1::CallEnd& end = *Add().mutable_end();
    end.set_reason(reason);
    end.set_status_code(status_code);
    end.set_status_message(message);
    end.set_request_frames(requests_);
    end.set_response_frames(responses_);
    return *this;
  }
  // The end, to be changed.
  v1::CallEnd& end() { return *entries_.back().mutable_end(); }
  RecordBuilder& Trailer(const std::string& key, const std::string& value) {
    v1::Metadatum& metadatum = *end().add_trailers();
    metadatum.set_key(key);
    metadatum.set_value(value);
    return *this;
  }

  uint64_t id() const { return id_; }
  std::vector<v1::Entry>& entries() { return entries_; }
  const std::vector<v1::Entry>& entries() const { return entries_; }

 private:
  v1::Entry& Add() {
    v1::Entry& entry = entries_.emplace_back();
    entry.set_call_id(id_);
    entry.set_time_ns(static_cast<uint64_t>(now_ms_) * 1'000'000);
    ++now_ms_;
    return entry;
  }

  RecordBuilder& AddFrame(v1::Direction direction, uint64_t index, const std::string& payload, bool compressed) {
    v1::Frame& frame = *Add().mutable_frame();
    frame.set_direction(direction);
    frame.set_index(index);
    frame.set_payload(payload);
    frame.set_compressed(compressed);
    return *this;
  }

  uint64_t id_;
  int64_t now_ms_;
  uint64_t requests_ = 0;
  uint64_t responses_ = 0;
  std::vector<v1::Entry> entries_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_TESTS_REPLAY_RECORD_BUILDER_H_
