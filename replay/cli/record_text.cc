#include "replay/cli/record_text.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "recorder/call_id.h"
#include "replay/cli/call_filter.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/revealer.h"

namespace sallyport::replay {
namespace {

constexpr char kIndent[] = "             ";
constexpr size_t kMostJson = 16 << 10;
constexpr size_t kMostHex = 256;
constexpr size_t kMostValue = 4 << 10;

std::string Ended(const recorder::CallSummary& call) {
  const std::string took = HumanDuration(call.duration);
  if (call.connection_lost) return absl::StrCat("the caller's connection was lost after ", took);
  switch (call.end_reason) {
    case v1::END_REASON_COMPLETED:
      return absl::StrCat("completed in ", took);
    case v1::END_REASON_CANCELLED:
      return absl::StrCat("cancelled by the caller after ", took);
    case v1::END_REASON_DEADLINE:
      return absl::StrCat("the deadline passed after ", took);
    case v1::END_REASON_UPSTREAM_FAILURE:
      return absl::StrCat("the upstream failed after ", took);
    case v1::END_REASON_REFUSED:
      return absl::StrCat("refused by the gateway after ", took);
    case v1::END_REASON_INTERRUPTED:
      return "interrupted: the gateway stopped while the call was open";
    default:
      return "";
  }
}

std::string Frames(uint64_t count) { return absl::StrCat(count, count == 1 ? " frame" : " frames"); }

std::string Size(uint64_t bytes) {
  return bytes < 1024 ? HumanSize(bytes) : absl::StrCat(HumanSize(bytes), " (", bytes, " bytes)");
}

}  // namespace

void RecordText::Field(const std::string& name, const std::string& value) {
  if (value.empty()) return;
  out_ << name << std::string(std::max<size_t>(13 - name.size(), 1), ' ') << value << '\n';
}

void RecordText::Metadata(const google::protobuf::RepeatedPtrField<v1::Metadatum>& metadata,
                          const std::string& indent) {
  for (const v1::Metadatum& datum : metadata) {
    std::string value;
    if (datum.fingerprint()) {
      value = absl::StrCat("[not stored; fingerprint ", Printable(datum.value()), "]");
    } else if (IsBinaryKey(datum.key())) {
      value = absl::StrCat(absl::Base64Escape(datum.value()), "  (", datum.value().size(), " bytes as base64)");
    } else {
      value = Printable(datum.value());
    }
    if (extent_ == FrameExtent::kBounded) value = CutEnd(value, kMostValue);
    out_ << indent << Printable(datum.key()) << ": " << value << '\n';
  }
}

void RecordText::Start(const v1::Entry& entry, const recorder::CallSummary& summary) {
  const v1::CallStart& start = entry.start();
  start_ns_ = entry.time_ns();
  const bool open = summary.end_reason == v1::END_REASON_UNSPECIFIED;
  Field("Call", recorder::FormatId(entry.call_id()));
  Field("Method", Printable(MethodName(start.method())));
  Field("Status", open ? "open: not ended yet" : absl::StrCat(StatusName(summary.status_code), ", ", Ended(summary)));
  Field("Started", absl::StrCat(HumanTime(absl::FromUnixNanos(static_cast<int64_t>(entry.time_ns()))), " UTC"));
  Field("Identity", Printable(IdentityName(start.identity())));
  if (start.identity().proof() != v1::PROOF_NONE) Field("Proved by", ProofName(start.identity().proof()));
  Field("Groups", Printable(absl::StrJoin(start.identity().groups(), ", ")));
  Field("Peer", PeerText(start.peer()));
  Field("Session", start.session_id() == 0
                       ? "none: it was refused before"
                       : absl::StrCat(recorder::FormatId(start.session_id()), start.session_name().empty() ? "" : "  ",
                                      Printable(start.session_name())));
  Field("Authority", Printable(start.authority()));
  Field("Upstream", start.upstream().empty()
                        ? "none: no route matched, or it was refused before"
                        : absl::StrCat(Printable(start.upstream()), "  ", Printable(start.upstream_target())));
  if (start.has_timeout_ns()) {
    Field("Deadline", absl::StrCat("in ", HumanDuration(absl::Nanoseconds(start.timeout_ns()))));
  }
  if (!open) {
    Field("Sent", absl::StrCat(Frames(summary.request_frames), ", ", Size(summary.request_bytes)));
    Field("Received", absl::StrCat(Frames(summary.response_frames), ", ", Size(summary.response_bytes)));
  }
  Field("Relayed as",
        absl::StrCat(start.path() == v1::PATH_UNARY ? "unary" : "stream",
                     start.durability().empty() ? "" : ", recorded with ", Printable(start.durability())));
  Field("Encoding", Printable(start.encoding()));
  Field("Descriptors", Printable(start.descriptors()));
  if (!start.metadata().empty()) out_ << "\nMetadata\n";
  Metadata(start.metadata(), "  ");
  out_ << '\n';
}

void RecordText::Event(const v1::Entry& entry, const std::string& text) {
  const absl::Duration offset = absl::Nanoseconds(static_cast<int64_t>(entry.time_ns() - start_ns_));
  const std::string when = absl::StrCat("+", HumanDuration(offset));
  out_ << when << std::string(std::max<size_t>(11 - std::min<size_t>(when.size(), 10), 1), ' ') << text << '\n';
}

void RecordText::Lines(const std::string& text) {
  size_t from = 0;
  while (from < text.size()) {
    const size_t end = std::min(text.find('\n', from), text.size());
    out_ << kIndent << std::string_view(text).substr(from, end - from) << '\n';
    from = end + 1;
  }
}

void RecordText::Frame(const v1::Entry& entry, uint64_t frame_number) {
  const v1::Frame& frame = entry.frame();
  const bool response = frame.direction() == v1::DIRECTION_RESPONSE;
  if (frame.has_part()) {
    Event(entry, absl::StrCat(response ? "\xe2\x86\x90 response " : "\xe2\x86\x92 request ", frame.index(), "  ",
                              Size(frame.part().length()), "  [frame ", frame_number, "]"));
    return Lines("[not shown: the payload is sealed under a further key]");
  }
  const absl::StatusOr<std::string> message = decoder_.Message(frame);
  std::string title = absl::StrCat(response ? "\xe2\x86\x90 response " : "\xe2\x86\x92 request ", frame.index(), "  ",
                                   Size(frame.payload().size()));
  if (frame.compressed() && message.ok()) absl::StrAppend(&title, " compressed, ", Size(message->size()), " inflated");
  if (frame.masked() || frame.has_sealed()) absl::StrAppend(&title, IsRevealed(frame) ? " revealed" : " masked");
  Event(entry, absl::StrCat(title, "  [frame ", frame_number, "]"));

  const absl::StatusOr<std::string> json =
      message.ok() ? decoder_.Json(frame, *message, policy::JsonStyle::kIndented) : message.status();
  if (json.ok()) {
    const bool cut = extent_ == FrameExtent::kBounded && json->size() > kMostJson;
    Lines(PrintableLines(cut ? json->substr(0, kMostJson) : *json));
    if (cut) out_ << kIndent << "[" << HumanSize(json->size() - kMostJson) << " more: --full shows all]\n";
    return;
  }
  const std::string& bytes = message.ok() ? *message : frame.payload();
  out_ << kIndent << "[not decoded: " << Printable(std::string(json.status().message())) << "]\n";
  const bool cut = extent_ == FrameExtent::kBounded && bytes.size() > kMostHex;
  out_ << HexDump(std::string_view(bytes).substr(0, cut ? kMostHex : bytes.size()), kIndent);
  if (cut) out_ << kIndent << "[" << HumanSize(bytes.size() - kMostHex) << " more: --full shows all]\n";
}

void RecordText::Decision(const v1::Entry& entry) {
  const v1::Decision& decision = entry.decision();
  std::string title = DecisionName(decision.outcome());
  if (!decision.rule().empty()) absl::StrAppend(&title, " by ", Printable(decision.rule()));
  if (!decision.policy().empty()) absl::StrAppend(&title, "  policy ", Printable(decision.policy()));
  Event(entry, title);
  for (const v1::ShownProof& proof : decision.proofs()) {
    std::string line =
        absl::StrCat(ProofName(proof.kind()), " of ", Printable(proof.issuer()), " for ", Printable(proof.subject()));
    if (!proof.credential().empty()) absl::StrAppend(&line, "  ", Printable(proof.credential()));
    if (proof.expires_ns() != 0) {
      absl::StrAppend(&line, "  until ", HumanTime(absl::FromUnixNanos(proof.expires_ns())));
    }
    Lines(line);
  }
  for (const std::string& rule : decision.shadow())
    Lines(absl::StrCat("in shadow: ", Printable(rule), " would refuse"));
}

void RecordText::End(const v1::CallEnd& end) {
  if (!end.status_message().empty()) {
    const std::string message = Printable(end.status_message());
    Lines(absl::StrCat("message: ", extent_ == FrameExtent::kBounded ? CutEnd(message, kMostValue) : message));
  }
  if (end.connection_lost()) Lines("the caller's connection was lost");
  if (end.told() == v1::TOLD_NOTHING) Lines("nothing of this could be handed to the caller");
  if (end.told() == v1::TOLD_UNSURE)
    Lines("whether the caller was told this cannot be known: it was silent, or did not read");
  if (end.told() == v1::TOLD_RESET) Lines("the caller's stream was reset, without this status");
  if (end.ended_by() == v1::ENDED_BY_GATEWAY) Lines("ended by the gateway");
  if (end.has_upstream_status_code()) {
    Lines(absl::StrCat("the upstream's own status: ", StatusName(end.upstream_status_code()),
                       end.upstream_status_message().empty() ? "" : ": ", Printable(end.upstream_status_message())));
  }
  Metadata(end.trailers(), kIndent);
  for (const v1::Metadatum& trailer : end.trailers()) {
    if (trailer.key() != "grpc-status-details-bin" || trailer.fingerprint()) continue;
    const absl::StatusOr<std::string> details =
        decoder_.StatusDetailsJson(trailer.value(), policy::JsonStyle::kIndented);
    if (details.ok()) Lines(absl::StrCat("status details: ", PrintableLines(*details)));
  }
}

void RecordText::Entry(const v1::Entry& entry, uint64_t frame_number) {
  switch (entry.event_case()) {
    case v1::Entry::kFrame:
      return Frame(entry, frame_number);
    case v1::Entry::kDecision:
      return Decision(entry);
    case v1::Entry::kHalfClose:
      return Event(entry, "\xe2\x86\x92 no more requests");
    case v1::Entry::kResponseHeaders:
      Event(entry, absl::StrCat("\xe2\x86\x90 response headers",
                                entry.response_headers().encoding().empty()
                                    ? ""
                                    : absl::StrCat("  encoding ", Printable(entry.response_headers().encoding()))));
      return Metadata(entry.response_headers().metadata(), kIndent);
    case v1::Entry::kEnd:
      Event(entry, absl::StrCat(entry.end().reason() == v1::END_REASON_CANCELLED ? "\xe2\x9c\x95 " : "\xe2\x86\x90 ",
                                StatusName(entry.end().status_code()), "  ", EndReasonName(entry.end().reason()),
                                entry.end().trailers_only() ? ", trailers only" : ""));
      return End(entry.end());
    default:
      return Event(entry, "an entry that this version does not know");
  }
}

}  // namespace sallyport::replay
