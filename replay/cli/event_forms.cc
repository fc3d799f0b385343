#include "replay/cli/event_forms.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policy/record_rules.h"
#include "replay/cli/look_forms.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/exact_text.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"

// Each kind of event is a struct of four functions, for the four of event_forms.h. A new kind is one more, and a case
// of WithForms; without these it does not compile.
namespace sallyport::replay {
namespace {

constexpr size_t kMostJson = 16 << 10;
constexpr size_t kMostHex = 256;
constexpr size_t kMostTailedMessage = 300;
constexpr size_t kMostTailedStatus = 80;
constexpr char kRequestArrow[] = "\xe2\x86\x92";
constexpr char kResponseArrow[] = "\xe2\x86\x90";
constexpr char kUnknown[] = "an entry that this version does not know";

// The beginning of an element of `entries`.
Json Element(const v1::Event& event, const char* name) {
  return {{"event", name}, {"offset_ns", Nanoseconds(event.offset())}};
}

std::string TailedMethod(const v1::TailedEvent& tailed) {
  return Printable(ExactText(tailed.method(), "method", tailed.exact()));
}

std::string FittingTerminal(const std::string& text, size_t columns) {
  return OutputFit() == Fit::kCut ? CutEnd(text, columns) : text;
}

struct BeginningForms {
  static void ShowText(const v1::Event& event, const v1::CallSummary& summary, RecordText* out) {
    const v1::CallBeginning& call = event.beginning();
    const v1::CallOutcome& outcome = summary.outcome();
    const std::string& session_name = ExactText(call.session_name(), "session_name", call.exact());
    out->Field("Call", call.id());
    out->Field("Method", Printable(ExactText(call.method(), "method", call.exact())));
    out->Field("Status", summary.has_outcome()
                             ? absl::StrCat(StatusName(outcome.status_code()), ", ", HowItEnded(summary))
                             : "open: not ended yet");
    out->Field("Started", absl::StrCat(HumanTime(ToTime(call.start())), " UTC"));
    out->Field("Identity", Printable(call.identity()));
    if (call.proved().proof() != v1::PROOF_NONE) out->Field("Proved by", ProofName(call.proved().proof()));
    out->Field("Groups", Printable(absl::StrJoin(call.proved().groups(), ", ")));
    out->Field("Peer", PeerText(call.peer()));
    out->Field("Session", call.session().empty() ? "none: it was refused before"
                                                 : absl::StrCat(call.session(), session_name.empty() ? "" : "  ",
                                                                Printable(session_name)));
    out->Field("Trace", call.trace_id());
    out->Field("Authority", Printable(ExactText(call.authority(), "authority", call.exact())));
    out->Field("Upstream", call.upstream().empty()
                               ? "none: no route matched, or it was refused before"
                               : absl::StrCat(Printable(call.upstream()), "  ", Printable(call.upstream_target())));
    if (call.has_timeout()) out->Field("Deadline", absl::StrCat("in ", HumanDuration(ToDuration(call.timeout()))));
    if (summary.has_outcome()) {
      out->Field("Sent", absl::StrCat(Frames(outcome.request_frames()), ", ", Size(outcome.request_bytes())));
      out->Field("Received", absl::StrCat(Frames(outcome.response_frames()), ", ", Size(outcome.response_bytes())));
    }
    out->Field("Relayed as",
               absl::StrCat(call.path() == v1::PATH_UNARY ? "unary" : "stream",
                            call.durability().empty() ? "" : ", recorded with ", Printable(call.durability())));
    if (!call.record_rule().empty()) {
      out->Field("Record rule",
                 absl::StrCat(
                     Printable(call.record_rule()),
                     call.has_frame_bytes() ? absl::StrCat("  frames: ", policy::FramesText(call.frame_bytes())) : ""));
    }
    out->Field("Encoding", Printable(call.encoding()));
    out->Field("Descriptors", Printable(call.descriptors()));
    out->Section("Metadata", call.metadata());
  }

  static Json ShowJson(const v1::Event& event) {
    const v1::CallBeginning& call = event.beginning();
    const v1::Identity& proved = call.proved();
    return {{"id", call.id()},
            {"session", OrNull(call.session())},
            {"session_name", ExactText(call.session_name(), "session_name", call.exact())},
            {"method", ExactText(call.method(), "method", call.exact())},
            {"authority", ExactText(call.authority(), "authority", call.exact())},
            {"peer", call.peer()},
            {"identity",
             {{"name", call.identity()},
              {"issuer", proved.issuer()},
              {"subject", proved.subject()},
              {"groups", Texts(proved.groups())},
              {"proof", ProofName(proved.proof())}}},
            {"upstream", call.upstream()},
            {"upstream_target", call.upstream_target()},
            {"start", Exactly(call.start())},
            {"timeout_ns", call.has_timeout() ? Nanoseconds(call.timeout()) : Json()},
            {"encoding", call.encoding()},
            {"descriptors", call.descriptors()},
            {"path", call.path() == v1::PATH_UNARY ? "unary" : "stream"},
            {"durability", call.durability()},
            {"record_rule", OrNull(call.record_rule())},
            {"frame_bytes", call.has_frame_bytes() ? Json(call.frame_bytes()) : Json()},
            {"trace_id", OrNull(call.trace_id())},
            {"metadata", PairsJson(call.metadata())}};
  }

  static std::string TailText(const v1::TailedEvent& tailed, bool) {
    return absl::StrCat("start  ", TailedMethod(tailed), "  ", Printable(tailed.identity()));
  }

  static Json TailJson(const v1::Event& event, bool) {
    return {{"event", "start"}, {"peer", event.beginning().peer()}, {"upstream", event.beginning().upstream()}};
  }

 private:
  static std::string Frames(uint64_t count) { return absl::StrCat(count, count == 1 ? " frame" : " frames"); }

  static std::string HowItEnded(const v1::CallSummary& call) {
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
};

struct DecisionForms {
  static void ShowText(const v1::Event& event, const v1::CallSummary&, RecordText* out) {
    const v1::Decision& decision = event.decision();
    std::string title = DecisionName(decision.outcome());
    if (!decision.rule().empty()) absl::StrAppend(&title, " by ", Printable(decision.rule()));
    if (!decision.policy().empty()) absl::StrAppend(&title, "  policy ", Printable(decision.policy()));
    out->Title(event, title);
    for (const v1::ShownProof& proof : decision.proofs()) {
      std::string line =
          absl::StrCat(ProofName(proof.kind()), " of ", Printable(proof.issuer()), " for ", Printable(proof.subject()));
      if (!proof.credential().empty()) absl::StrAppend(&line, "  ", Printable(proof.credential()));
      if (proof.expires_ns() != 0) {
        absl::StrAppend(&line, "  until ", HumanTime(absl::FromUnixNanos(proof.expires_ns())));
      }
      out->Lines(line);
    }
    for (const std::string& rule : decision.shadow()) {
      out->Lines(absl::StrCat("in shadow: ", Printable(rule), " would refuse"));
    }
  }

  static Json ShowJson(const v1::Event& event) {
    const v1::Decision& decision = event.decision();
    Json proofs = Json::array();
    for (const v1::ShownProof& proof : decision.proofs()) {
      proofs.push_back(
          {{"proof", ProofName(proof.kind())},
           {"issuer", proof.issuer()},
           {"subject", proof.subject()},
           {"groups", Texts(proof.groups())},
           {"credential", proof.credential()},
           {"expires", proof.expires_ns() == 0 ? Json() : Json(ExactTime(absl::FromUnixNanos(proof.expires_ns())))}});
    }
    Json json = Element(event, "decision");
    json["outcome"] = DecisionName(decision.outcome());
    json["rule"] = decision.rule();
    json["policy"] = decision.policy();
    json["shadow"] = Texts(decision.shadow());
    json["proofs"] = std::move(proofs);
    return json;
  }

  static std::string TailText(const v1::TailedEvent& tailed, bool) {
    const v1::Decision& decision = tailed.event().decision();
    return absl::StrCat("       ", TailedMethod(tailed), "  ", DecisionName(decision.outcome()),
                        decision.rule().empty() ? "" : " by ", Printable(decision.rule()));
  }

  static Json TailJson(const v1::Event& event, bool) {
    return {{"event", "decision"},
            {"outcome", DecisionName(event.decision().outcome())},
            {"rule", event.decision().rule()}};
  }
};

struct FrameForms {
  static void ShowText(const v1::Event& event, const v1::CallSummary&, RecordText* out) {
    const v1::FrameEvent& frame = event.frame();
    std::string title =
        absl::StrCat(Arrow(frame), " ", DirectionName(frame), " ", frame.index(), "  ", Size(frame.size()));
    if (frame.shortened()) absl::StrAppend(&title, "  ", ShortenedText(frame.recorded_size(), frame.size()));
    if (!frame.sealed_apart()) {
      if (frame.has_inflated_size()) {
        absl::StrAppend(&title, " compressed, ", Size(frame.inflated_size()), " inflated");
      }
      if (frame.view() == v1::FRAME_VIEW_REVEALED) absl::StrAppend(&title, " revealed");
      if (frame.view() == v1::FRAME_VIEW_MASKED) absl::StrAppend(&title, " masked");
    }
    out->Title(event, absl::StrCat(title, "  [frame ", frame.number(), "]"));
    ShowMessage(frame, out);
  }

  static Json ShowJson(const v1::Event& event) {
    const v1::FrameEvent& frame = event.frame();
    Json json = Element(event, "frame");
    json["direction"] = DirectionName(frame);
    json["index"] = frame.index();
    json["number"] = frame.number();
    json["size"] = frame.size();
    json["compressed"] = frame.compressed();
    AddShortened(frame, &json);
    if (frame.view() != v1::FRAME_VIEW_AS_PASSED) {
      json["view"] = frame.view() == v1::FRAME_VIEW_REVEALED ? "revealed" : "masked";
    }
    if (!frame.reveal_key().empty()) json["reveal_key"] = frame.reveal_key();
    if (frame.shadow_size() > 0) json["shadow"] = Texts(frame.shadow());
    AddMessage(frame, &json);
    return json;
  }

  static std::string TailText(const v1::TailedEvent& tailed, bool messages) {
    const v1::FrameEvent& frame = tailed.event().frame();
    std::string text = absl::StrCat(Arrow(frame), "      ", TailedMethod(tailed), "  ", HumanSize(frame.size()));
    if (frame.shortened()) absl::StrAppend(&text, "  ", ShortenedText(frame.recorded_size(), frame.size()));
    if (!messages) return text;
    const std::string message = frame.undecoded().empty()
                                    ? PrintableLines(frame.message())
                                    : absl::StrCat("[not decoded: ", Printable(frame.undecoded()), "]");
    absl::StrAppend(&text, "\n    ", FittingTerminal(message, kMostTailedMessage));
    return text;
  }

  static Json TailJson(const v1::Event& event, bool messages) {
    const v1::FrameEvent& frame = event.frame();
    Json json = {
        {"event", "frame"}, {"direction", DirectionName(frame)}, {"index", frame.index()}, {"size", frame.size()}};
    AddShortened(frame, &json);
    if (messages) AddMessage(frame, &json);
    return json;
  }

 private:
  static const char* DirectionName(const v1::FrameEvent& frame) {
    return frame.direction() == v1::DIRECTION_RESPONSE ? "response" : "request";
  }
  static const char* Arrow(const v1::FrameEvent& frame) {
    return frame.direction() == v1::DIRECTION_RESPONSE ? kResponseArrow : kRequestArrow;
  }

  static void ShowMessage(const v1::FrameEvent& frame, RecordText* out) {
    if (frame.sealed_apart()) return out->Lines("[not shown: the payload is sealed under a further key]");
    const auto say_what_is_cut = [&](size_t size, size_t shown) {
      if (shown < size) out->Lines(absl::StrCat("[", HumanSize(size - shown), " more: --full shows all]"));
    };
    if (frame.undecoded().empty()) {
      const std::string& json = frame.message();
      const size_t shown = out->bounded() ? std::min(json.size(), kMostJson) : json.size();
      out->Lines(PrintableLines(json.substr(0, shown)));
      return say_what_is_cut(json.size(), shown);
    }
    out->Lines(absl::StrCat("[not decoded: ", Printable(frame.undecoded()), "]"));
    const std::string& bytes = frame.has_inflated_size() ? frame.inflated() : frame.payload();
    const size_t shown = out->bounded() ? std::min(bytes.size(), kMostHex) : bytes.size();
    out->Bytes(std::string_view(bytes).substr(0, shown));
    say_what_is_cut(bytes.size(), shown);
  }

  static void AddShortened(const v1::FrameEvent& frame, Json* json) {
    if (!frame.shortened()) return;
    (*json)["shortened"] = true;
    (*json)["recorded_size"] = frame.recorded_size();
  }

  // `message`, or `undecoded`, which says why not, and `payload`, if it is there.
  static void AddMessage(const v1::FrameEvent& frame, Json* json) {
    if (!frame.undecoded().empty()) (*json)["undecoded"] = frame.undecoded();
    if (!frame.message().empty()) {
      (*json)["message"] = Parsed(frame.message());
    } else if (!frame.sealed_apart()) {
      (*json)["payload"] = absl::Base64Escape(frame.payload());
    }
  }
};

struct HalfCloseForms {
  static void ShowText(const v1::Event& event, const v1::CallSummary&, RecordText* out) {
    out->Title(event, absl::StrCat(kRequestArrow, " no more requests"));
  }

  static Json ShowJson(const v1::Event& event) { return Element(event, "half_close"); }

  static std::string TailText(const v1::TailedEvent& tailed, bool) {
    return absl::StrCat(kRequestArrow, "      ", TailedMethod(tailed), "  no more requests");
  }

  static Json TailJson(const v1::Event&, bool) { return {{"event", "half_close"}}; }
};

struct HeadersForms {
  static void ShowText(const v1::Event& event, const v1::CallSummary&, RecordText* out) {
    const v1::HeadersEvent& headers = event.response_headers();
    out->Title(event, absl::StrCat(kResponseArrow, " response headers", headers.encoding().empty() ? "" : "  encoding ",
                                   Printable(headers.encoding())));
    out->Metadata(headers.metadata());
  }

  static Json ShowJson(const v1::Event& event) {
    Json json = Element(event, "response_headers");
    json["encoding"] = event.response_headers().encoding();
    json["metadata"] = PairsJson(event.response_headers().metadata());
    return json;
  }

  static std::string TailText(const v1::TailedEvent& tailed, bool) {
    return absl::StrCat(kResponseArrow, "      ", TailedMethod(tailed), "  response headers");
  }

  static Json TailJson(const v1::Event&, bool) { return {{"event", "response_headers"}}; }
};

struct EndForms {
  static void ShowText(const v1::Event& event, const v1::CallSummary&, RecordText* out) {
    const v1::EndEvent& end = event.end();
    out->Title(event, absl::StrCat(end.state() == v1::CALL_STATE_CANCELLED ? "\xe2\x9c\x95" : kResponseArrow, " ",
                                   StatusName(end.outcome().status_code()), "  ", StateName(end.state()),
                                   end.trailers_only() ? ", trailers only" : ""));
    const std::string& message = StatusMessage(end);
    if (!message.empty()) out->Lines(absl::StrCat("message: ", out->Bounded(Printable(message))));
    if (end.outcome().connection_lost()) out->Lines("the caller's connection was lost");
    if (end.told() == v1::TOLD_NOTHING) out->Lines("nothing of this could be handed to the caller");
    if (end.told() == v1::TOLD_UNSURE) {
      out->Lines("whether the caller was told this cannot be known: it was silent, or did not read");
    }
    if (end.told() == v1::TOLD_RESET) out->Lines("the caller's stream was reset, without this status");
    if (end.ended_by() == v1::ENDED_BY_GATEWAY) out->Lines("ended by the gateway");
    if (end.has_upstream_status_code()) {
      const std::string& upstream = UpstreamMessage(end);
      out->Lines(absl::StrCat("the upstream's own status: ", StatusName(end.upstream_status_code()),
                              upstream.empty() ? "" : ": ", Printable(upstream)));
    }
    out->Metadata(end.trailers());
    for (const v1::MetadataPair& trailer : end.trailers()) {
      if (trailer.status_details().empty() || trailer.has_fingerprint()) continue;
      out->Lines(absl::StrCat("status details: ", PrintableLines(trailer.status_details())));
    }
  }

  static Json ShowJson(const v1::Event& event) {
    const v1::EndEvent& end = event.end();
    const v1::CallOutcome& outcome = end.outcome();
    Json json = {{"offset_ns", Nanoseconds(event.offset())},
                 {"state", StateName(end.state())},
                 {"status", StatusName(outcome.status_code())},
                 {"status_code", outcome.status_code()},
                 {"status_message", StatusMessage(end)},
                 {"status_details", Json()},
                 {"trailers", PairsJson(end.trailers())},
                 {"trailers_only", end.trailers_only()},
                 {"upstream_status", Json()},
                 {"upstream_status_message", Json()},
                 {"duration_ns", Nanoseconds(outcome.duration())},
                 {"request_frames", outcome.request_frames()},
                 {"response_frames", outcome.response_frames()},
                 {"request_bytes", outcome.request_bytes()},
                 {"response_bytes", outcome.response_bytes()},
                 {"connection_lost", outcome.connection_lost()},
                 {"told", OrNull(ToldName(end.told()))},
                 {"ended_by", OrNull(EndedByName(end.ended_by()))},
                 {"entries", end.has_entries() ? Json(end.entries()) : Json()}};
    if (end.has_upstream_status_code()) {
      json["upstream_status"] = StatusName(end.upstream_status_code());
      json["upstream_status_message"] = UpstreamMessage(end);
    }
    for (const v1::MetadataPair& trailer : end.trailers()) {
      if (!trailer.status_details().empty()) json["status_details"] = Parsed(trailer.status_details());
    }
    return json;
  }

  static std::string TailText(const v1::TailedEvent& tailed, bool) {
    const v1::EndEvent& end = tailed.event().end();
    std::string text = absl::StrCat("end    ", TailedMethod(tailed), "  ", StatusName(end.outcome().status_code()),
                                    " in ", HumanDuration(ToDuration(end.outcome().duration())));
    if (end.state() != v1::CALL_STATE_COMPLETED) absl::StrAppend(&text, "  ", StateName(end.state()));
    const std::string& message = StatusMessage(end);
    if (!message.empty()) absl::StrAppend(&text, "  ", FittingTerminal(Printable(message), kMostTailedStatus));
    return text;
  }

  static Json TailJson(const v1::Event& event, bool) {
    const v1::EndEvent& end = event.end();
    return {{"event", "end"},
            {"state", StateName(end.state())},
            {"status", StatusName(end.outcome().status_code())},
            {"status_code", end.outcome().status_code()},
            {"status_message", StatusMessage(end)},
            {"duration_ns", Nanoseconds(end.outcome().duration())},
            {"request_bytes", end.outcome().request_bytes()},
            {"response_bytes", end.outcome().response_bytes()}};
  }

 private:
  static const std::string& StatusMessage(const v1::EndEvent& end) {
    return ExactText(end.status_message(), "status_message", end.exact());
  }
  static const std::string& UpstreamMessage(const v1::EndEvent& end) {
    return ExactText(end.upstream_status_message(), "upstream_status_message", end.exact());
  }
};

struct UnknownForms {
  static void ShowText(const v1::Event& event, const v1::CallSummary&, RecordText* out) { out->Title(event, kUnknown); }
  static Json ShowJson(const v1::Event& event) { return Element(event, "unknown"); }
  static std::string TailText(const v1::TailedEvent&, bool) { return kUnknown; }
  static Json TailJson(const v1::Event&, bool) { return {{"event", "unknown"}}; }
};

template <typename Use>
auto WithForms(const v1::Event& event, const Use& use) {
  switch (event.event_case()) {
    case v1::Event::kBeginning:
      return use(BeginningForms());
    case v1::Event::kDecision:
      return use(DecisionForms());
    case v1::Event::kFrame:
      return use(FrameForms());
    case v1::Event::kHalfClose:
      return use(HalfCloseForms());
    case v1::Event::kResponseHeaders:
      return use(HeadersForms());
    case v1::Event::kEnd:
      return use(EndForms());
    case v1::Event::kLook:
      return use(LookForms());
    case v1::Event::EVENT_NOT_SET:
      break;
  }
  return use(UnknownForms());
}

}  // namespace

void ShowText(const v1::Event& event, const v1::CallSummary& summary, RecordText* out) {
  WithForms(event, [&](auto forms) { forms.ShowText(event, summary, out); });
}

Json ShowJson(const v1::Event& event) {
  return WithForms(event, [&](auto forms) { return forms.ShowJson(event); });
}

std::string TailText(const v1::TailedEvent& tailed, bool messages) {
  return WithForms(tailed.event(), [&](auto forms) { return forms.TailText(tailed, messages); });
}

Json TailJson(const v1::TailedEvent& tailed, bool messages) {
  const v1::Event& event = tailed.event();
  Json json = {{"time", Exactly(event.time())},
               {"call", event.call()},
               {"method", ExactText(tailed.method(), "method", tailed.exact())},
               {"identity", tailed.identity()}};
  json.update(WithForms(event, [&](auto forms) { return forms.TailJson(event, messages); }));
  return json;
}

}  // namespace sallyport::replay
