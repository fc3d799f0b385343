#include "replay/replayer/recorded_call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "protos/message_encoding.h"
#include "recorder/format/call_id.h"
#include "recorder/format/gateway_notes.h"
#include "replay/view/names.h"
#include "replay/view/reading.h"

namespace sallyport::replay {
namespace {

// Puts the entries of one call together. Lives for one LoadRecordedCall.
class Assembler {
 public:
  Assembler(uint64_t id, uint64_t most_bytes) : most_bytes_(most_bytes) { call_.id = id; }

  absl::Status Add(const v1::Entry& entry) {
    if (ended_) return Contradiction("has entries after its end");
    const bool is_start = entry.event_case() == v1::Entry::kStart;
    if (is_start == started_) {
      return Contradiction(started_ ? "has a second start" : "has entries before its start");
    }
    // The recorder's clock may have been set back; order is what counts.
    latest_ns_ = std::max(latest_ns_, static_cast<int64_t>(entry.time_ns()));
    switch (entry.event_case()) {
      case v1::Entry::kStart:
        started_ = true;
        call_.start_ns = latest_ns_;
        call_.start = entry.start();
        return absl::OkStatus();
      case v1::Entry::kDecision:
        return absl::OkStatus();  // who calls again is decided on again
      case v1::Entry::kFrame:
        return AddFrame(entry.frame());
      case v1::Entry::kHalfClose:
        if (half_closed_) return Contradiction("has a second half-close");
        half_closed_ = true;
        AddStep(StepKind::kHalfClose, 0);
        return absl::OkStatus();
      case v1::Entry::kResponseHeaders:
        if (call_.response_headers.has_value()) return Contradiction("has response headers twice");
        call_.response_headers = entry.response_headers();
        AddStep(StepKind::kResponseHeaders, 0);
        return absl::OkStatus();
      case v1::Entry::kEnd:
        ended_ = true;
        call_.end = entry.end();
        AddStep(StepKind::kEnd, 0);
        return absl::OkStatus();
      case v1::Entry::kLook:
        return absl::OkStatus();  // what a look showed is not recorded, so nothing can be compared with it
      case v1::Entry::EVENT_NOT_SET:
        break;
    }
    return Contradiction("has an entry of a kind that this program does not know");
  }

  absl::StatusOr<RecordedCall> Finish() && {
    if (!started_) return Contradiction("has no start");
    if (call_.start.record_rule() == recorder::kLookRule) {
      return absl::FailedPreconditionError(absl::StrCat(
          "call ", Name(), " is a look at the record: what it was answered is not recorded, so it cannot be replayed"));
    }
    if (!ended_) {
      return absl::FailedPreconditionError(
          absl::StrCat("call ", Name(), " has not ended; it can be replayed once it has"));
    }
    if (call_.end.reason() == v1::END_REASON_INTERRUPTED) {
      return absl::FailedPreconditionError(
          absl::StrCat("call ", Name(),
                       " was interrupted by the gateway's own end, so its record is not whole; it cannot be replayed"));
    }
    if (call_.end.request_frames() != call_.request_frames.size() ||
        call_.end.response_frames() != call_.response_frames.size()) {
      return Contradiction(absl::StrCat("ended with ", call_.end.request_frames(), " + ", call_.end.response_frames(),
                                        " frames, but ", call_.request_frames.size(), " + ",
                                        call_.response_frames.size(), " are recorded"));
    }
    return std::move(call_);
  }

 private:
  absl::Status AddFrame(const v1::Frame& frame) {
    const bool request = frame.direction() == v1::DIRECTION_REQUEST;
    if (!request && frame.direction() != v1::DIRECTION_RESPONSE) {
      return Contradiction("has a frame in no direction");
    }
    if (request && half_closed_) return Contradiction("has a request frame after its half-close");
    std::vector<CallFrame>& frames = request ? call_.request_frames : call_.response_frames;
    if (frame.index() != frames.size()) {
      return Contradiction(absl::StrCat("has ", request ? "request" : "response", " frame ", frame.index(),
                                        " where frame ", frames.size(), " belongs"));
    }
    if (request && frame.masked()) {
      return absl::FailedPreconditionError(
          absl::StrCat("request frame ", frame.index(), " of call ", Name(),
                       " was masked before it was recorded: what was sent is not there to be sent again"));
    }
    if (frame.has_part()) {
      return absl::FailedPreconditionError(absl::StrCat("frame ", frame.index(), " of call ", Name(),
                                                        " is sealed under a further key: it is not there to be read"));
    }
    if (frame.shortened()) {
      return absl::FailedPreconditionError(
          absl::StrCat(request ? "request" : "response", " frame ", frame.index(), " of call ", Name(), " is ",
                       ShortenedText(frame.payload().size(), frame.whole_length()), ": what passed is not there to be ",
                       request ? "sent again" : "compared"));
    }
    bytes_ += frame.payload().size();
    if (bytes_ > most_bytes_) {
      return absl::ResourceExhaustedError(absl::StrCat("call ", Name(), " has more than ", most_bytes_,
                                                       " bytes of frames, the most that can be replayed"));
    }
    AddStep(request ? StepKind::kRequestFrame : StepKind::kResponseFrame, frames.size());
    frames.push_back({frame.payload(), frame.compressed(), frame.masked()});
    return absl::OkStatus();
  }

  void AddStep(StepKind kind, size_t frame) { call_.steps.push_back({kind, latest_ns_, frame}); }

  std::string Name() const { return recorder::FormatId(call_.id); }

  absl::Status Contradiction(const std::string& what) const {
    return absl::DataLossError(absl::StrCat("the record of call ", Name(), " is damaged: it ", what));
  }

  const uint64_t most_bytes_;
  RecordedCall call_;
  uint64_t bytes_ = 0;
  int64_t latest_ns_ = 0;
  bool started_ = false;
  bool half_closed_ = false;
  bool ended_ = false;
};

bool IsPrintable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_isprint(c); });
}

bool AnyCompressed(const std::vector<CallFrame>& frames) {
  return std::any_of(frames.begin(), frames.end(), [](const CallFrame& frame) { return frame.compressed; });
}

}  // namespace

absl::StatusOr<RecordedCall> LoadRecordedCall(CallSource& source, uint64_t id, uint64_t most_bytes) {
  Assembler assembler(id, most_bytes);
  absl::Status status = ReadRecord(source, id, [&](const v1::Entry& entry) { return assembler.Add(entry); });
  if (!status.ok()) return status;
  return std::move(assembler).Finish();
}

absl::Status CheckReplayable(const RecordedCall& call, bool even_refused) {
  const std::string name = recorder::FormatId(call.id);
  if (call.end.reason() == v1::END_REASON_REFUSED && !even_refused) {
    return absl::FailedPreconditionError(
        absl::StrCat("call ", name, " was refused by the gateway (", absl::CHexEscape(call.end.status_message()),
                     ") and never reached an upstream; --refused replays it all the same"));
  }
  for (const v1::Metadatum& trailer : call.end.trailers()) {
    if (!call.start.upstream().empty() || trailer.key() != recorder::kTruncatedNote) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("call ", name, " is not recorded whole (", absl::CHexEscape(trailer.value()), ")"));
  }
  const std::string& method = call.start.method();
  if (method.size() < 2 || method[0] != '/' || !IsPrintable(method)) {
    return absl::FailedPreconditionError(
        absl::StrCat("call ", name, " has the method \"", absl::CHexEscape(method), "\", which gRPC cannot send"));
  }
  if (!IsPrintable(call.start.authority())) {
    return absl::FailedPreconditionError(absl::StrCat("call ", name, " has the authority \"",
                                                      absl::CHexEscape(call.start.authority()),
                                                      "\", which gRPC cannot send"));
  }
  const std::optional<MessageEncoding> encoding = ParseMessageEncoding(call.start.encoding());
  if (!encoding.has_value() || (*encoding == MessageEncoding::kIdentity && AnyCompressed(call.request_frames))) {
    return absl::FailedPreconditionError(absl::StrCat("call ", name, " has frames compressed with \"",
                                                      absl::CHexEscape(call.start.encoding()),
                                                      "\"; only gzip and deflate can be sent again"));
  }
  return absl::OkStatus();
}

}  // namespace sallyport::replay
