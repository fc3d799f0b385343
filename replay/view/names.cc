#include "replay/view/names.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "recorder/format/gateway_notes.h"

namespace sallyport::replay {

v1::CallState StateOf(v1::EndReason reason) {
  switch (reason) {
    case v1::END_REASON_COMPLETED:
      return v1::CALL_STATE_COMPLETED;
    case v1::END_REASON_CANCELLED:
      return v1::CALL_STATE_CANCELLED;
    case v1::END_REASON_DEADLINE:
      return v1::CALL_STATE_DEADLINE;
    case v1::END_REASON_UPSTREAM_FAILURE:
      return v1::CALL_STATE_UPSTREAM_FAILURE;
    case v1::END_REASON_REFUSED:
      return v1::CALL_STATE_REFUSED;
    case v1::END_REASON_INTERRUPTED:
      return v1::CALL_STATE_INTERRUPTED;
    default:
      return v1::CALL_STATE_OPEN;
  }
}

std::string StateName(v1::CallState state) {
  switch (state) {
    case v1::CALL_STATE_COMPLETED:
      return "completed";
    case v1::CALL_STATE_CANCELLED:
      return "cancelled";
    case v1::CALL_STATE_DEADLINE:
      return "deadline";
    case v1::CALL_STATE_UPSTREAM_FAILURE:
      return "upstream_failure";
    case v1::CALL_STATE_REFUSED:
      return "refused";
    case v1::CALL_STATE_INTERRUPTED:
      return "interrupted";
    case v1::CALL_STATE_SHREDDED:
      return "shredded";
    default:
      return "open";
  }
}

std::string ProofName(v1::Proof proof) {
  switch (proof) {
    case v1::PROOF_JWT:
      return "jwt";
    case v1::PROOF_MTLS:
      return "mtls";
    case v1::PROOF_API_KEY:
      return "api_key";
    case v1::PROOF_LOCAL:
      return "local";
    default:
      return "none";
  }
}

std::string DecisionName(v1::Decision::Outcome outcome) {
  switch (outcome) {
    case v1::Decision::OUTCOME_ALLOWED:
      return "allowed";
    case v1::Decision::OUTCOME_DENIED:
      return "denied";
    case v1::Decision::OUTCOME_UNAUTHENTICATED:
      return "unauthenticated";
    case v1::Decision::OUTCOME_LIMITED:
      return "limited";
    default:
      return "unknown";
  }
}

std::optional<std::string> ToldName(v1::Told told) {
  switch (told) {
    case v1::TOLD_STATUS:
      return "status";
    case v1::TOLD_NOTHING:
      return "nothing";
    case v1::TOLD_UNSURE:
      return "unsure";
    case v1::TOLD_RESET:
      return "reset";
    default:
      return std::nullopt;
  }
}

std::optional<std::string> EndedByName(v1::EndedBy who) {
  switch (who) {
    case v1::ENDED_BY_UPSTREAM:
      return "upstream";
    case v1::ENDED_BY_CALLER:
      return "caller";
    case v1::ENDED_BY_GATEWAY:
      return "gateway";
    default:
      return std::nullopt;
  }
}

std::string IdentityName(const v1::Identity& identity) {
  if (identity.proof() == v1::PROOF_NONE && identity.subject().empty()) return "anonymous";
  return identity.issuer().empty() ? identity.subject() : absl::StrCat(identity.issuer(), "#", identity.subject());
}

std::string MethodName(const std::string& path) { return std::string(recorder::NameOfMethod(path)); }

std::string PlainPeer(std::string_view peer) {
  if (!peer.starts_with("ipv6:")) return std::string(peer);
  // RFC 3986, 3.2.2 and RFC 6874: brackets, and the percent sign before a zone.
  return absl::StrReplaceAll(absl::string_view(peer.data(), peer.size()),
                             {{"%5B", "["}, {"%5D", "]"}, {"%5b", "["}, {"%5d", "]"}, {"%25", "%"}});
}

std::string ShortenedText(uint64_t recorded, uint64_t whole) {
  const char* bytes = whole == 1 ? " byte" : " bytes";
  if (recorded == 0) return absl::StrCat("shortened, none of ", whole, bytes);
  return absl::StrCat("shortened, first ", recorded, " of ", whole, bytes);
}

bool IsBinaryKey(std::string_view key) { return key.ends_with("-bin"); }

std::optional<int> ParseStatusCode(const std::string& text) {
  int number = 0;
  if (absl::SimpleAtoi(text, &number)) return number;
  const std::string name = absl::StrReplaceAll(absl::AsciiStrToUpper(text), {{"-", "_"}});
  for (int code = 0; code < kStatusCodes; ++code) {
    if (name == StatusName(code)) return code;
  }
  return std::nullopt;
}

bool IsStatusCode(int code) { return code >= 0 && code < kStatusCodes; }

std::string StatusName(int code) {
  if (!IsStatusCode(code)) return absl::StrCat(code);
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
}

}  // namespace sallyport::replay
