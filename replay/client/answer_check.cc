#include "replay/client/answer_check.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "recorder/format/call_id.h"
#include "replay/view/printable.h"

namespace sallyport::replay {
namespace {

constexpr size_t kMostShown = 60;
constexpr int kUsualPage = 50;
constexpr int kMostPage = 1000;
constexpr size_t kMostKeyId = 128;

absl::Status Wrong(const char* field, std::string_view value, const char* what) {
  return absl::DataLossError(
      absl::StrCat("`", field, "` is \"", CutEnd(Printable(value), kMostShown), "\", which is no ", what));
}

// As the gateway writes it, so that equal ids are equal texts.
absl::Status CheckId(const char* field, const std::string& id) {
  const std::optional<uint64_t> number = recorder::ParseId(id);
  return number.has_value() && recorder::FormatId(*number) == id ? absl::OkStatus() : Wrong(field, id, "id");
}

absl::Status CheckIdOrNone(const char* field, const std::string& id) {
  return id.empty() ? absl::OkStatus() : CheckId(field, id);
}

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isxdigit(c); });
}

absl::Status CheckTrace(const std::string& trace) {
  return trace.empty() || (trace.size() == 32 && IsHex(trace)) ? absl::OkStatus() : Wrong("trace_id", trace, "trace");
}

absl::Status CheckRevealKey(const std::string& key) {
  return key.size() <= kMostKeyId && IsHex(key) ? absl::OkStatus() : Wrong("reveal_key", key, "key id");
}

template <typename List>
absl::Status CheckPage(const List& list, int page_size) {
  const int most = page_size == 0 ? kUsualPage : std::min(page_size, kMostPage);
  if (list.size() > most) {
    return absl::DataLossError(absl::StrCat("it holds ", list.size(), " elements, and ", most, " were asked for"));
  }
  for (const auto& element : list) {
    if (absl::Status status = CheckAnswer(element); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckAnswer(const v1::CallSummary& call) {
  absl::Status status = CheckId("id", call.id());
  if (status.ok()) status = CheckIdOrNone("session", call.session());
  if (status.ok()) status = CheckTrace(call.trace_id());
  return status;
}

absl::Status CheckAnswer(const v1::SessionSummary& session) { return CheckId("id", session.id()); }

absl::Status CheckAnswer(const v1::Call& call) {
  absl::Status status = CheckAnswer(call.summary());
  if (!status.ok() || !call.has_beginning()) return status;
  const v1::CallBeginning& beginning = call.beginning();
  status = CheckId("beginning.id", beginning.id());
  if (status.ok()) status = CheckIdOrNone("beginning.session", beginning.session());
  if (status.ok()) status = CheckTrace(beginning.trace_id());
  return status;
}

absl::Status CheckAnswer(const v1::Event& event) {
  absl::Status status = CheckId("call", event.call());
  if (status.ok() && event.has_beginning()) {
    const v1::CallBeginning& beginning = event.beginning();
    status = CheckId("beginning.id", beginning.id());
    if (status.ok()) status = CheckIdOrNone("beginning.session", beginning.session());
    if (status.ok()) status = CheckTrace(beginning.trace_id());
  }
  if (status.ok() && event.has_frame()) status = CheckRevealKey(event.frame().reveal_key());
  return status;
}

absl::Status CheckAnswer(const v1::TailCallsResponse& said) {
  return said.has_event() ? CheckAnswer(said.event().event()) : absl::OkStatus();
}

absl::Status CheckAnswer(const v1::ScanCallsResponse& said) {
  return said.has_call() ? CheckAnswer(said.call()) : absl::OkStatus();
}

absl::Status CheckAnswer(const v1::SessionEvent& said) {
  if (said.has_session()) return CheckAnswer(said.session());
  return said.has_event() ? CheckAnswer(said.event()) : absl::OkStatus();
}

absl::Status CheckAnswer(const v1::ListLooksResponse& page) { return CheckPage(page.looks(), kMostPage); }

absl::Status CheckAnswer(const v1::FramePart& part) { return CheckRevealKey(part.frame().reveal_key()); }

absl::Status CheckAnswer(const v1::SearchCallsResponse& page, int page_size) {
  return CheckPage(page.calls(), page_size);
}

absl::Status CheckAnswer(const v1::SearchSessionsResponse& page, int page_size) {
  return CheckPage(page.sessions(), page_size);
}

}  // namespace sallyport::replay
