#include "replay/cli/record_text.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/exact_text.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

constexpr char kIndent[] = "             ";
constexpr size_t kMostJson = 16 << 10;
constexpr size_t kMostHex = 256;
constexpr size_t kMostValue = 4 << 10;

std::string Ended(const v1::CallSummary& call) {
  const std::string took = HumanDuration(ToDuration(call.outcome().duration()));
  if (call.outcome().connection_lost()) return absl::StrCat("the caller's connection was lost after ", took);
  switch (call.state()) {
    case v1::CALL_STATE_COMPLETED:
      return absl::StrCat("completed in ", took);
    case v1::CALL_STATE_CANCELLED:
      return absl::StrCat("cancelled by the caller after ", took);
    case v1::CALL_STATE_DEADLINE:
      return absl::StrCat("the deadline passed after ", took);
    case v1::CALL_STATE_UPSTREAM_FAILURE:
      return absl::StrCat("the upstream failed after ", took);
    case v1::CALL_STATE_REFUSED:
      return absl::StrCat("refused by the gateway after ", took);
    case v1::CALL_STATE_INTERRUPTED:
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

void RecordText::Metadata(const google::protobuf::RepeatedPtrField<v1::MetadataPair>& metadata,
                          const std::string& indent) {
  for (const v1::MetadataPair& pair : metadata) {
    const std::string& key = ExactText(pair.key(), "key", pair.exact());
    std::string value;
    if (pair.has_fingerprint()) {
      value = absl::StrCat("[not stored; fingerprint ",
                           Printable(ExactText(pair.fingerprint(), "fingerprint", pair.exact())), "]");
    } else if (IsBinaryKey(key)) {
      value = absl::StrCat(absl::Base64Escape(pair.data()), "  (", pair.data().size(), " bytes as base64)");
    } else {
      value = Printable(pair.has_data() ? pair.data() : pair.text());
    }
    if (extent_ == FrameExtent::kBounded) value = CutEnd(value, kMostValue);
    out_ << indent << Printable(key) << ": " << value << '\n';
  }
}

void RecordText::Beginning(const v1::CallBeginning& call, const v1::CallSummary& summary) {
  const v1::CallOutcome& outcome = summary.outcome();
  const std::string& session_name = ExactText(call.session_name(), "session_name", call.exact());
  Field("Call", call.id());
  Field("Method", Printable(ExactText(call.method(), "method", call.exact())));
  Field("Status", summary.has_outcome() ? absl::StrCat(StatusName(outcome.status_code()), ", ", Ended(summary))
                                        : "open: not ended yet");
  Field("Started", absl::StrCat(HumanTime(ToTime(call.start())), " UTC"));
  Field("Identity", Printable(call.identity()));
  if (call.proved().proof() != v1::PROOF_NONE) Field("Proved by", ProofName(call.proved().proof()));
  Field("Groups", Printable(absl::StrJoin(call.proved().groups(), ", ")));
  Field("Peer", PeerText(call.peer()));
  Field("Session", call.session().empty()
                       ? "none: it was refused before"
                       : absl::StrCat(call.session(), session_name.empty() ? "" : "  ", Printable(session_name)));
  Field("Authority", Printable(ExactText(call.authority(), "authority", call.exact())));
  Field("Upstream", call.upstream().empty()
                        ? "none: no route matched, or it was refused before"
                        : absl::StrCat(Printable(call.upstream()), "  ", Printable(call.upstream_target())));
  if (call.has_timeout()) Field("Deadline", absl::StrCat("in ", HumanDuration(ToDuration(call.timeout()))));
  if (summary.has_outcome()) {
    Field("Sent", absl::StrCat(Frames(outcome.request_frames()), ", ", Size(outcome.request_bytes())));
    Field("Received", absl::StrCat(Frames(outcome.response_frames()), ", ", Size(outcome.response_bytes())));
  }
  Field("Relayed as", absl::StrCat(call.path() == v1::PATH_UNARY ? "unary" : "stream",
                                   call.durability().empty() ? "" : ", recorded with ", Printable(call.durability())));
  Field("Encoding", Printable(call.encoding()));
  Field("Descriptors", Printable(call.descriptors()));
  if (!call.metadata().empty()) out_ << "\nMetadata\n";
  Metadata(call.metadata(), "  ");
  out_ << '\n';
}

void RecordText::Title(const v1::Event& event, const std::string& text) {
  const std::string when = absl::StrCat("+", HumanDuration(ToDuration(event.offset())));
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

void RecordText::Frame(const v1::Event& event) {
  const v1::FrameEvent& frame = event.frame();
  const bool response = frame.direction() == v1::DIRECTION_RESPONSE;
  std::string title = absl::StrCat(response ? "\xe2\x86\x90 response " : "\xe2\x86\x92 request ", frame.index(), "  ",
                                   Size(frame.size()));
  if (!frame.sealed_apart()) {
    if (frame.has_inflated_size()) {
      absl::StrAppend(&title, " compressed, ", Size(frame.inflated_size()), " inflated");
    }
    if (frame.view() == v1::FRAME_VIEW_REVEALED) absl::StrAppend(&title, " revealed");
    if (frame.view() == v1::FRAME_VIEW_MASKED) absl::StrAppend(&title, " masked");
  }
  Title(event, absl::StrCat(title, "  [frame ", frame.number(), "]"));
  FrameMessage(frame);
}

void RecordText::FrameMessage(const v1::FrameEvent& frame) {
  const bool bounded = extent_ == FrameExtent::kBounded;
  if (frame.sealed_apart()) return Lines("[not shown: the payload is sealed under a further key]");
  if (frame.undecoded().empty()) {
    const std::string& json = frame.message();
    const bool cut = bounded && json.size() > kMostJson;
    Lines(PrintableLines(cut ? json.substr(0, kMostJson) : json));
    if (cut) out_ << kIndent << "[" << HumanSize(json.size() - kMostJson) << " more: --full shows all]\n";
    return;
  }
  const std::string& bytes = frame.has_inflated_size() ? frame.inflated() : frame.payload();
  out_ << kIndent << "[not decoded: " << Printable(frame.undecoded()) << "]\n";
  const bool cut = bounded && bytes.size() > kMostHex;
  out_ << HexDump(std::string_view(bytes).substr(0, cut ? kMostHex : bytes.size()), kIndent);
  if (cut) out_ << kIndent << "[" << HumanSize(bytes.size() - kMostHex) << " more: --full shows all]\n";
}

void RecordText::Decision(const v1::Event& event) {
  const v1::Decision& decision = event.decision();
  std::string title = DecisionName(decision.outcome());
  if (!decision.rule().empty()) absl::StrAppend(&title, " by ", Printable(decision.rule()));
  if (!decision.policy().empty()) absl::StrAppend(&title, "  policy ", Printable(decision.policy()));
  Title(event, title);
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

void RecordText::End(const v1::EndEvent& end) {
  const std::string& status_message = ExactText(end.status_message(), "status_message", end.exact());
  if (!status_message.empty()) {
    const std::string message = Printable(status_message);
    Lines(absl::StrCat("message: ", extent_ == FrameExtent::kBounded ? CutEnd(message, kMostValue) : message));
  }
  if (end.outcome().connection_lost()) Lines("the caller's connection was lost");
  if (end.told() == v1::TOLD_NOTHING) Lines("nothing of this could be handed to the caller");
  if (end.told() == v1::TOLD_UNSURE)
    Lines("whether the caller was told this cannot be known: it was silent, or did not read");
  if (end.told() == v1::TOLD_RESET) Lines("the caller's stream was reset, without this status");
  if (end.ended_by() == v1::ENDED_BY_GATEWAY) Lines("ended by the gateway");
  if (end.has_upstream_status_code()) {
    const std::string& upstream = ExactText(end.upstream_status_message(), "upstream_status_message", end.exact());
    Lines(absl::StrCat("the upstream's own status: ", StatusName(end.upstream_status_code()),
                       upstream.empty() ? "" : ": ", Printable(upstream)));
  }
  Metadata(end.trailers(), kIndent);
  for (const v1::MetadataPair& trailer : end.trailers()) {
    if (trailer.status_details().empty() || trailer.has_fingerprint()) continue;
    Lines(absl::StrCat("status details: ", PrintableLines(trailer.status_details())));
  }
}

void RecordText::Event(const v1::Event& event) {
  switch (event.event_case()) {
    case v1::Event::kFrame:
      return Frame(event);
    case v1::Event::kDecision:
      return Decision(event);
    case v1::Event::kHalfClose:
      return Title(event, "\xe2\x86\x92 no more requests");
    case v1::Event::kResponseHeaders: {
      const v1::HeadersEvent& headers = event.response_headers();
      Title(event, absl::StrCat("\xe2\x86\x90 response headers", headers.encoding().empty() ? "" : "  encoding ",
                                Printable(headers.encoding())));
      return Metadata(headers.metadata(), kIndent);
    }
    case v1::Event::kEnd: {
      const v1::EndEvent& end = event.end();
      Title(event, absl::StrCat(end.state() == v1::CALL_STATE_CANCELLED ? "\xe2\x9c\x95 " : "\xe2\x86\x90 ",
                                StatusName(end.outcome().status_code()), "  ", StateName(end.state()),
                                end.trailers_only() ? ", trailers only" : ""));
      return End(end);
    }
    default:
      return Title(event, "an entry that this version does not know");
  }
}

}  // namespace sallyport::replay
