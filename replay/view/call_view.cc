#include "replay/view/call_view.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "recorder/format/call_id.h"
#include "recorder/format/trace_id.h"
#include "replay/view/exact_text.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

constexpr char kStatusDetails[] = "grpc-status-details-bin";

v1::MetadataPair PairOf(const v1::Metadatum& datum) {
  v1::MetadataPair pair;
  SetText(datum.key(), "key", pair.mutable_key(), pair.mutable_exact());
  if (datum.fingerprint()) {
    SetText(datum.value(), "fingerprint", pair.mutable_fingerprint(), pair.mutable_exact());
    return pair;
  }
  if (IsBinaryKey(datum.key())) {
    pair.set_data(datum.value());
    return pair;
  }
  SetText(datum.value(), "text", pair.mutable_text(), pair.mutable_exact());
  if (pair.exact().contains("text")) {
    pair.mutable_exact()->erase("text");
    pair.set_data(datum.value());
  }
  return pair;
}

absl::Time TimeOf(const v1::Entry& entry) { return absl::FromUnixNanos(static_cast<int64_t>(entry.time_ns())); }

v1::FrameView ViewOf(const v1::Frame& frame) {
  if (!frame.masked() && !frame.has_sealed()) return v1::FRAME_VIEW_AS_PASSED;
  return IsRevealed(frame) ? v1::FRAME_VIEW_REVEALED : v1::FRAME_VIEW_MASKED;
}

uint64_t RecordedSizeOf(const v1::Frame& frame) {
  return frame.has_part() ? frame.part().length() : frame.payload().size();
}

uint64_t SizeOf(const v1::Frame& frame) { return frame.shortened() ? frame.whole_length() : RecordedSizeOf(frame); }

}  // namespace

v1::CallBeginning BeginningOf(const v1::Entry& entry) {
  const v1::CallStart& start = entry.start();
  v1::CallBeginning beginning;
  ExactBytes* exact = beginning.mutable_exact();
  beginning.set_id(recorder::FormatId(entry.call_id()));
  if (start.session_id() != 0) beginning.set_session(recorder::FormatId(start.session_id()));
  SetText(start.session_name(), "session_name", beginning.mutable_session_name(), exact);
  SetText(MethodName(start.method()), "method", beginning.mutable_method(), exact);
  SetText(start.authority(), "authority", beginning.mutable_authority(), exact);
  beginning.set_peer(PlainPeer(start.peer()));
  beginning.set_identity(IdentityName(start.identity()));
  *beginning.mutable_proved() = start.identity();
  beginning.set_upstream(start.upstream());
  beginning.set_upstream_target(start.upstream_target());
  SetTime(TimeOf(entry), beginning.mutable_start());
  if (start.has_timeout_ns()) SetDuration(absl::Nanoseconds(start.timeout_ns()), beginning.mutable_timeout());
  beginning.set_encoding(start.encoding());
  beginning.set_descriptors(start.descriptors());
  beginning.set_path(start.path());
  beginning.set_durability(start.durability());
  beginning.set_record_rule(start.record_rule());
  if (start.has_frame_bytes()) beginning.set_frame_bytes(start.frame_bytes());
  // Of any other size it is no trace.
  if (start.trace_id().size() == recorder::kTraceIdBytes) {
    beginning.set_trace_id(absl::BytesToHexString(start.trace_id()));
  }
  for (const v1::Metadatum& datum : start.metadata()) *beginning.add_metadata() = PairOf(datum);
  return beginning;
}

CallView::CallView(StoredDescriptors* descriptors, v1::EventForm form, policy::JsonStyle style,
                   const Revealer* revealer, const ReaderRights* rights)
    : decoder_(descriptors), form_(form), style_(style), revealer_(revealer) {
  if (rights != nullptr && rights->masks != nullptr && !rights->masks->none()) hider_.emplace(rights, descriptors);
}

absl::StatusOr<const v1::Entry*> CallView::Changed(const v1::Entry& entry, v1::Entry* changed,
                                                   std::string* hidden) const {
  const bool reveals = revealer_ != nullptr && entry.frame().has_sealed();
  const bool hides = hider_.has_value() && hider_->hides();
  if (!reveals && !hides) return &entry;
  *changed = entry;
  if (reveals) {
    if (absl::Status status = revealer_->Reveal(changed); !status.ok()) return status;
  }
  if (!hides) return changed;
  if (form_ == v1::EVENT_FORM_RECORD) {
    return absl::FailedPreconditionError(
        "masks hide something of this call from you, and what is recorded cannot be shown in part: ask for another "
        "form");
  }
  hider_->HideTexts(changed);
  if (changed->has_frame() && form_ != v1::EVENT_FORM_OUTLINE) {
    *hidden = hider_->HideMessage(decoder_, changed->mutable_frame());
  }
  return changed;
}

absl::StatusOr<v1::Event> CallView::Show(const v1::Entry& entry) {
  v1::Event event;
  event.set_call(recorder::FormatId(entry.call_id()));
  Skip(entry);
  v1::Entry changed;
  std::string hidden;
  const absl::StatusOr<const v1::Entry*> shown = Changed(entry, &changed, &hidden);
  if (!shown.ok()) return shown.status();
  if (form_ == v1::EVENT_FORM_RECORD) {
    *event.mutable_record() = **shown;
    return event;
  }
  SetTime(TimeOf(entry), event.mutable_time());
  if (begun_) {
    SetDuration(absl::Nanoseconds(static_cast<int64_t>(entry.time_ns() - start_ns_)), event.mutable_offset());
  }
  Fill(**shown, hidden, &event);
  // What is put in a message's place is not what passed.
  if (entry.has_frame() && revealer_ == nullptr) event.mutable_frame()->set_size(SizeOf(entry.frame()));
  return event;
}

void CallView::Learn(const v1::Entry& entry) {
  if (form_ != v1::EVENT_FORM_OUTLINE && form_ != v1::EVENT_FORM_RECORD) decoder_.Learn(entry);
  if (hider_.has_value()) hider_->Learn(entry);
}

v1::CallBeginning CallView::Beginning(const v1::Entry& start) {
  Learn(start);
  if (!hider_.has_value() || !hider_->hides()) return BeginningOf(start);
  v1::Entry changed = start;
  hider_->HideTexts(&changed);
  return BeginningOf(changed);
}

void CallView::Skip(const v1::Entry& entry) {
  Learn(entry);
  if (entry.has_start()) {
    begun_ = true;
    start_ns_ = entry.time_ns();
  }
  if (entry.has_frame()) ++frames_;
}

void CallView::Fill(const v1::Entry& entry, const std::string& hidden, v1::Event* event) const {
  switch (entry.event_case()) {
    case v1::Entry::kStart:
      *event->mutable_beginning() = BeginningOf(entry);
      return;
    case v1::Entry::kDecision:
      *event->mutable_decision() = entry.decision();
      return;
    case v1::Entry::kFrame:
      return FillFrame(entry.frame(), hidden, event->mutable_frame());
    case v1::Entry::kHalfClose:
      event->mutable_half_close();
      return;
    case v1::Entry::kResponseHeaders:
      event->mutable_response_headers()->set_encoding(entry.response_headers().encoding());
      for (const v1::Metadatum& datum : entry.response_headers().metadata()) {
        *event->mutable_response_headers()->add_metadata() = PairOf(datum);
      }
      return;
    case v1::Entry::kEnd:
      return FillEnd(entry.end(), event->mutable_end());
    case v1::Entry::kLook:
      *event->mutable_look() = entry.look();
      return;
    case v1::Entry::EVENT_NOT_SET:
      return;
  }
}

void CallView::FillFrame(const v1::Frame& frame, const std::string& hidden, v1::FrameEvent* event) const {
  event->set_direction(frame.direction());
  event->set_index(frame.index());
  if (begun_) event->set_number(frames_ - 1);
  event->set_size(SizeOf(frame));
  if (frame.shortened()) {
    event->set_shortened(true);
    event->set_recorded_size(RecordedSizeOf(frame));
  }
  event->set_compressed(frame.compressed());
  event->set_view(ViewOf(frame));
  if (frame.has_sealed()) event->set_reveal_key(absl::BytesToHexString(frame.sealed().key_id()));
  *event->mutable_shadow() = frame.shadow();
  event->set_sealed_apart(frame.has_part());
  if (form_ == v1::EVENT_FORM_OUTLINE) return;
  if (frame.has_part()) {
    event->set_undecoded("the payload is sealed under a further key");
  } else if (!hidden.empty()) {
    event->set_undecoded(hidden);
  } else if (form_ == v1::EVENT_FORM_RAW) {
    event->set_payload(frame.payload());
  } else {
    Decode(frame, event);
  }
}

void CallView::Decode(const v1::Frame& frame, v1::FrameEvent* event) const {
  absl::StatusOr<std::string> message = decoder_.Message(frame);
  const bool inflated = frame.compressed() && message.ok();
  if (inflated) event->set_inflated_size(message->size());
  absl::StatusOr<std::string> json = message.ok() ? decoder_.Json(frame, *message, style_) : message.status();
  if (json.ok()) {
    event->set_message(*std::move(json));
    return;
  }
  event->set_undecoded(std::string(json.status().message()));
  event->set_payload(frame.payload());
  if (inflated) event->set_inflated(*std::move(message));
}

v1::MetadataPair CallView::Pair(const v1::Metadatum& datum) const {
  v1::MetadataPair pair = PairOf(datum);
  if (datum.key() != kStatusDetails || form_ == v1::EVENT_FORM_OUTLINE) return pair;
  absl::StatusOr<std::string> details = decoder_.StatusDetailsJson(datum.value(), style_);
  if (details.ok()) pair.set_status_details(*std::move(details));
  return pair;
}

void CallView::FillEnd(const v1::CallEnd& end, v1::EndEvent* event) const {
  event->set_state(StateOf(end.reason()));
  v1::CallOutcome& outcome = *event->mutable_outcome();
  outcome.set_status_code(end.status_code());
  outcome.set_connection_lost(end.connection_lost());
  SetDuration(end.duration_ns(), outcome.mutable_duration());
  outcome.set_request_frames(end.request_frames());
  outcome.set_response_frames(end.response_frames());
  outcome.set_request_bytes(end.request_bytes());
  outcome.set_response_bytes(end.response_bytes());
  SetText(end.status_message(), "status_message", event->mutable_status_message(), event->mutable_exact());
  for (const v1::Metadatum& trailer : end.trailers()) *event->add_trailers() = Pair(trailer);
  event->set_trailers_only(end.trailers_only());
  if (end.has_upstream_status_code()) {
    event->set_upstream_status_code(end.upstream_status_code());
    SetText(end.upstream_status_message(), "upstream_status_message", event->mutable_upstream_status_message(),
            event->mutable_exact());
  }
  event->set_told(end.told());
  event->set_ended_by(end.ended_by());
  if (end.entries() != 0) event->set_entries(end.entries());
}

}  // namespace sallyport::replay
