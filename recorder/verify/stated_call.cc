#include "recorder/verify/stated_call.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cassert>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/format/gateway_notes.h"
#include "recorder/format/peer_address.h"

namespace sallyport::recorder {
namespace {

std::string NameOf(const v1::Identity& identity) {
  if (identity.proof() == v1::PROOF_NONE) return "anonymous";
  if (identity.issuer().empty()) return identity.subject();
  return absl::StrCat(identity.issuer(), "#", identity.subject());
}

// The texts of the columns that hold names.
constexpr std::pair<int64_t CallRow::*, std::string StatedCall::*> kNames[] = {
    {&CallRow::identity, &StatedCall::identity},
    {&CallRow::method, &StatedCall::method},
    {&CallRow::upstream, &StatedCall::upstream},
    {&CallRow::peer, &StatedCall::peer},
};
static_assert(std::size(kNames) == kCallNameCount, "each name that a row has a number for is stated");

int64_t BigEndian(std::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<uint8_t>(byte);
  return static_cast<int64_t>(number);
}

void AddText(std::string& to, std::string_view text) { absl::StrAppend(&to, text.size(), ":", View(text)); }

}  // namespace

SetSum::Number SetSum::Digest(std::string_view member) const {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(member.data(), member.size(), seed_);
  return static_cast<Number>(hash.high64) << 64 | hash.low64;
}

SetSum::Number SetSum::Digest(uint64_t call_id, Position position) const {
  const uint64_t member[2] = {call_id, position.packed()};
  return Digest({reinterpret_cast<const char*>(member), sizeof(member)});
}

const std::string& StatedCall::Name(int64_t CallRow::*column) const {
  for (const auto& [name, text] : kNames) {
    if (name == column) return this->*text;
  }
  assert(false);
  return method;
}

void StatedCall::SetEnd(const CallRow& said) {
  for (const CallColumn& column : kCallColumns) {
    if (column.said_by == CallColumn::SaidBy::kEnd) row.*column.value = said.*column.value;
  }
}

std::string StatedCall::Canonical() const {
  std::string text;
  for (const CallColumn& column : kCallColumns) {
    switch (column.holds) {
      case CallColumn::Holds::kNumber:
        absl::StrAppend(&text, row.*column.value, " ");
        break;
      case CallColumn::Holds::kName:
        AddText(text, Name(column.value));
        break;
      case CallColumn::Holds::kPlace:
        break;
    }
  }
  return text;
}

std::string CallPart::Take(const v1::Entry& entry) {
  if (ended_) return "has entries behind its end";
  stated_.row.id = static_cast<int64_t>(entry.call_id());
  ++entries_;
  // Of other kinds nothing is stated but that there is one more.
  if (entry.has_start()) return TakeStart(entry);
  if (entry.has_frame()) return TakeFrame(entry.frame());
  if (entry.has_end()) TakeEnd(entry.end());
  return "";
}

std::string CallPart::TakeStart(const v1::Entry& entry) {
  if (started_) return "starts twice";
  if (frames_[0].any || frames_[1].any) return "has frames before its start";
  const v1::CallStart& start = entry.start();
  started_ = true;
  stated_.row.session = static_cast<int64_t>(start.session_id());
  stated_.row.port = SplitPeer(start.peer()).port;
  stated_.row.start_ns = static_cast<int64_t>(entry.time_ns());
  // Of any other size it is none, and is not in the index.
  if (start.trace_id().size() == 2 * sizeof(uint64_t)) {
    stated_.row.trace_high = BigEndian(std::string_view(start.trace_id()).substr(0, sizeof(uint64_t)));
    stated_.row.trace_low = BigEndian(std::string_view(start.trace_id()).substr(sizeof(uint64_t)));
  }
  stated_.identity = NameOf(start.identity());
  stated_.method = NameOfMethod(start.method());
  stated_.upstream = start.upstream();
  stated_.peer = start.peer();
  return "";
}

std::string CallPart::TakeFrame(const v1::Frame& frame) {
  if (frame.direction() != v1::DIRECTION_REQUEST && frame.direction() != v1::DIRECTION_RESPONSE) {
    return "has a frame without a direction";
  }
  const bool request = frame.direction() == v1::DIRECTION_REQUEST;
  Frames& frames = frames_[request ? 0 : 1];
  if (!frames.any) {
    frames.any = true;
    frames.first = frame.index();
    frames.next = frame.index();
  }
  if (frame.index() != frames.next || (started_ && frames.first != 0)) {
    return absl::StrCat("has ", request ? "request" : "response", " frame ", frame.index(), " where ",
                        started_ && frames.first != 0 ? 0 : frames.next, " has to be");
  }
  ++frames.next;
  ++frames.count;
  const uint64_t recorded = frame.has_part() ? frame.part().length() : frame.payload().size();
  // What is called shortened has less than it had, and nothing else has a length of its own.
  if (frame.shortened() ? frame.whole_length() <= recorded : frame.whole_length() != 0) {
    return absl::StrCat("has a ", request ? "request" : "response", " frame ", frame.index(), " of ", recorded,
                        " bytes that is ", frame.shortened() ? "" : "not ", "called shortened, from ",
                        frame.whole_length());
  }
  shortened_ += frame.shortened() ? 1 : 0;
  frames.bytes += frame.shortened() ? frame.whole_length() : recorded;
  return "";
}

void CallPart::TakeEnd(const v1::CallEnd& end) {
  ended_ = true;
  said_entries_ = end.entries();
  CallRow& row = stated_.row;
  row.end_reason = end.reason() | (end.connection_lost() ? kConnectionLost : 0);
  row.status = end.status_code();
  row.duration_ns = ColumnValue(end.duration_ns());
  row.request_frames = ColumnValue(end.request_frames());
  row.response_frames = ColumnValue(end.response_frames());
  row.request_bytes = ColumnValue(end.request_bytes());
  row.response_bytes = ColumnValue(end.response_bytes());
}

std::string CallPart::Join(const CallPart& next) {
  if (ended_) return "has entries behind its end";
  if (next.started_) return "starts twice";
  entries_ += next.entries_;
  shortened_ += next.shortened_;
  for (int i = 0; i < 2; ++i) {
    Frames& frames = frames_[i];
    const Frames& more = next.frames_[i];
    if (!more.any) continue;
    if (frames.any ? more.first != frames.next : started_ && more.first != 0) {
      return absl::StrCat("has ", i == 0 ? "request" : "response", " frame ", more.first, " where ", frames.next,
                          " has to be");
    }
    if (!frames.any) frames.first = more.first;
    frames.any = true;
    frames.next = more.next;
    frames.count += more.count;
    frames.bytes += more.bytes;
  }
  if (next.ended_) {
    ended_ = true;
    said_entries_ = next.said_entries_;
    stated_.SetEnd(next.stated_.row);
  }
  return "";
}

std::string CallPart::CheckEnd() const {
  const Frames& requests = frames_[0];
  const Frames& responses = frames_[1];
  if (said_entries_ != 0 && said_entries_ != entries_) {
    return absl::StrCat("ends with ", said_entries_, " entries, but has ", entries_);
  }
  const CallRow& said = stated_.row;
  if (said.request_frames == ColumnValue(requests.count) && said.response_frames == ColumnValue(responses.count) &&
      said.request_bytes == ColumnValue(requests.bytes) && said.response_bytes == ColumnValue(responses.bytes)) {
    return "";
  }
  return absl::StrCat("ends with ", said.request_frames, " and ", said.response_frames, " frames of ",
                      said.request_bytes, " and ", said.response_bytes, " bytes, but has ", requests.count, " and ",
                      responses.count, " of ", requests.bytes, " and ", responses.bytes);
}

}  // namespace sallyport::recorder
