#include "recorder/verify/call_facts.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/format/gateway_notes.h"

namespace sallyport::recorder {
namespace {

int64_t Clamp(uint64_t value) {
  return static_cast<int64_t>(std::min<uint64_t>(value, std::numeric_limits<int64_t>::max()));
}

std::string NameOf(const v1::Identity& identity) {
  if (identity.proof() == v1::PROOF_NONE) return "anonymous";
  if (identity.issuer().empty()) return identity.subject();
  return absl::StrCat(identity.issuer(), "#", identity.subject());
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

std::string CallFacts::Canonical() const {
  std::string text = absl::StrCat(id, " ", session_id, " ", start_ns, " ", end_reason, " ", connection_lost, " ");
  absl::StrAppend(&text, status_code, " ", duration_ns, " ", request_frames, " ", response_frames, " ");
  absl::StrAppend(&text, request_bytes, " ", response_bytes, " ");
  for (const std::string* part : {&identity, &method, &upstream, &peer}) AddText(text, *part);
  return text;
}

std::string CallPart::Take(const v1::Entry& entry) {
  if (ended_) return "has entries behind its end";
  facts_.id = entry.call_id();
  ++entries_;
  switch (entry.event_case()) {
    case v1::Entry::kStart:
      return TakeStart(entry);
    case v1::Entry::kFrame:
      return TakeFrame(entry.frame());
    case v1::Entry::kEnd:
      TakeEnd(entry.end());
      return "";
    default:
      return "";
  }
}

std::string CallPart::TakeStart(const v1::Entry& entry) {
  if (started_) return "starts twice";
  if (frames_[0].any || frames_[1].any) return "has frames before its start";
  const v1::CallStart& start = entry.start();
  started_ = true;
  facts_.session_id = start.session_id();
  facts_.identity = NameOf(start.identity());
  facts_.method = NameOfMethod(start.method());
  facts_.upstream = start.upstream();
  facts_.peer = start.peer();
  facts_.start_ns = static_cast<int64_t>(entry.time_ns());
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
  frames.bytes += frame.has_part() ? frame.part().length() : frame.payload().size();
  return "";
}

void CallPart::TakeEnd(const v1::CallEnd& end) {
  ended_ = true;
  said_entries_ = end.entries();
  facts_.end_reason = end.reason();
  facts_.connection_lost = end.connection_lost();
  facts_.status_code = end.status_code();
  facts_.duration_ns = Clamp(end.duration_ns());
  facts_.request_frames = Clamp(end.request_frames());
  facts_.response_frames = Clamp(end.response_frames());
  facts_.request_bytes = Clamp(end.request_bytes());
  facts_.response_bytes = Clamp(end.response_bytes());
}

std::string CallPart::Join(const CallPart& next) {
  if (ended_) return "has entries behind its end";
  if (next.started_) return "starts twice";
  entries_ += next.entries_;
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
    const CallFacts end = next.facts_;
    ended_ = true;
    said_entries_ = next.said_entries_;
    facts_.end_reason = end.end_reason;
    facts_.connection_lost = end.connection_lost;
    facts_.status_code = end.status_code;
    facts_.duration_ns = end.duration_ns;
    facts_.request_frames = end.request_frames;
    facts_.response_frames = end.response_frames;
    facts_.request_bytes = end.request_bytes;
    facts_.response_bytes = end.response_bytes;
  }
  return "";
}

std::string CallPart::CheckEnd() const {
  const Frames& requests = frames_[0];
  const Frames& responses = frames_[1];
  if (said_entries_ != 0 && said_entries_ != entries_) {
    return absl::StrCat("ends with ", said_entries_, " entries, but has ", entries_);
  }
  if (facts_.request_frames == Clamp(requests.count) && facts_.response_frames == Clamp(responses.count) &&
      facts_.request_bytes == Clamp(requests.bytes) && facts_.response_bytes == Clamp(responses.bytes)) {
    return "";
  }
  return absl::StrCat("ends with ", facts_.request_frames, " and ", facts_.response_frames, " frames of ",
                      facts_.request_bytes, " and ", facts_.response_bytes, " bytes, but has ", requests.count, " and ",
                      responses.count, " of ", requests.bytes, " and ", responses.bytes);
}

}  // namespace sallyport::recorder
