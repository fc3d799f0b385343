#include "gateway/relay/recording/refused_record.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "recorder/crypto/credential_fingerprint.h"
#include "recorder/crypto/text.h"
#include "recorder/format/gateway_notes.h"

namespace sallyport::gateway {
namespace {

// Together, with what frames them and what the entries say besides, these stay below RefusalTable::kMostRecordBytes.
constexpr size_t kMostMethod = 256;
constexpr size_t kMostAuthority = 128;
constexpr size_t kMostPeer = 128;
constexpr size_t kMostMetadata = 1536;
constexpr size_t kMostKey = 64;
constexpr size_t kMostValue = 256;
constexpr size_t kMostMessage = 384;
constexpr size_t kMostTrailers = 768;
constexpr size_t kMostNote = 384;
// What a pair takes besides its name and value; and what stands for a credential.
constexpr size_t kPairOverhead = 8;
constexpr size_t kFingerprint = 80;

size_t SizeOf(const recorder::Metadatum& pair) {
  const bool credential = recorder::CredentialFingerprint::IsCredentialName(pair.key);
  return pair.key.size() + (credential ? kFingerprint : pair.value.size()) + kPairOverhead;
}

// 1, 2, 5, 10, 20 and so on: so that the names of methods in the index stay few.
uint64_t RoundedDown(uint64_t calls) {
  uint64_t unit = 1;
  while (unit <= calls / 10) unit *= 10;
  for (const uint64_t factor : {5, 2}) {
    if (calls / unit >= factor) return unit * factor;
  }
  return unit;
}

std::string MethodFor(uint64_t calls) {
  if (calls == 1) return "(1 refused call)";
  const uint64_t least = RoundedDown(calls);
  return absl::StrCat("(", least, least == calls ? "" : "+", " refused calls)");
}

// For text that people read: a stranger chose it.
std::string Shown(const std::string& text) { return absl::CHexEscape(text); }

}  // namespace

void RefusedRecord::Note(const std::string& what) {
  if (note_.size() + what.size() > kMostNote) return;
  absl::StrAppend(&note_, note_.empty() ? "" : "; ", what);
}

std::string_view RefusedRecord::Cut(std::string_view text, size_t most, absl::string_view what) {
  if (text.size() <= most) return text;
  Note(absl::StrCat(what, ": ", most, " of ", text.size(), " bytes"));
  return text.substr(0, most);
}

void RefusedRecord::CutStart(recorder::CallStart& start, std::vector<recorder::Metadatum>& metadata) {
  // Only what the gateway itself records has a method without a slash.
  if (!start.method.starts_with('/')) start.method = Cut(start.method, 0, "method");
  start.method = Cut(start.method, kMostMethod, "method");
  start.authority = Cut(start.authority, kMostAuthority, "authority");
  start.peer = Cut(start.peer, kMostPeer, "peer");
  size_t kept = 0;
  size_t kept_bytes = 0;
  size_t left_out_bytes = 0;
  for (recorder::Metadatum pair : metadata) {
    const size_t whole = pair.key.size() + pair.value.size();
    // The fingerprint of a part would be another.
    const bool credential = recorder::CredentialFingerprint::IsCredentialName(pair.key);
    recorder::Metadatum cut = {pair.key.substr(0, kMostKey),
                               credential ? pair.value : pair.value.substr(0, kMostValue)};
    const size_t size = SizeOf(cut);
    if (kept_bytes + size > kMostMetadata) {
      left_out_bytes += whole;
      continue;
    }
    if (cut.key.size() < pair.key.size() || cut.value.size() < pair.value.size()) {
      Note(absl::StrCat("metadata ", Shown(std::string(cut.key)), ": ", cut.key.size() + cut.value.size(), " of ",
                        whole, " bytes"));
    }
    kept_bytes += size;
    metadata[kept++] = cut;
  }
  if (kept < metadata.size()) {
    // Said before what there may be no room for.
    note_ = absl::StrCat("metadata: ", kept, " of ", metadata.size(), " pairs, without ", left_out_bytes, " bytes",
                         note_.empty() ? "" : "; ", note_);
    if (note_.size() > kMostNote) note_.resize(kMostNote);
  }
  metadata.resize(kept);
  start.metadata = metadata;
}

void RefusedRecord::CutEnd(recorder::CallEnd& end, std::vector<recorder::Metadatum>& trailers) {
  end.status_message = Cut(end.status_message, kMostMessage, "status message");
  size_t bytes = 0;
  for (const recorder::Metadatum& pair : trailers) bytes += SizeOf(pair);
  if (bytes > kMostTrailers) {
    Note(absl::StrCat("trailers: none of ", bytes, " bytes"));
    trailers.clear();
  }
  if (!note_.empty()) trailers.push_back({recorder::kTruncatedNote, note_});
  end.trailers = trailers;
}

void AddCountedCalls(recorder::EntryBatch& batch, const CountedCalls& counted) {
  std::vector<std::pair<std::string, std::string>> texts = {
      {"refused-calls", absl::StrCat(counted.calls)},
      {"refused-from", absl::StrCat(absl::FormatTime(absl::RFC3339_full, counted.first, absl::UTCTimeZone()))},
      {"refused-until", absl::StrCat(absl::FormatTime(absl::RFC3339_full, counted.last, absl::UTCTimeZone()))}};
  std::vector<std::string> reasons;
  for (size_t i = 0; i < kRefusalReasons; ++i) {
    if (counted.by_reason[i] == 0) continue;
    const char* const name = RefusalReasonName(static_cast<RefusalReason>(i));
    texts.emplace_back(absl::StrCat("refused-", name), absl::StrCat(counted.by_reason[i]));
    reasons.push_back(absl::StrCat(counted.by_reason[i], " ", name));
  }
  if (counted.addresses > 1) texts.emplace_back("addresses", absl::StrCat(counted.addresses));
  texts.emplace_back("first-peer", Shown(counted.first_peer));
  texts.emplace_back("first-method", Shown(counted.first_method));
  texts.emplace_back("first-message", Shown(counted.first_message));
  std::vector<recorder::Metadatum> metadata;
  metadata.reserve(texts.size());
  for (const auto& [key, value] : texts) metadata.push_back({key, std::string_view(value).substr(0, kMostValue)});

  const std::string method = MethodFor(counted.calls);
  recorder::CallStart start;
  start.method = method;
  start.peer = counted.peer;
  start.metadata = metadata;
  batch.AddStart(counted.first, start);
  const std::string message = absl::StrCat(counted.calls, counted.calls == 1 ? " call" : " calls",
                                           counted.by_reason[static_cast<size_t>(RefusalReason::kNoRole)] > 0
                                               ? " refused before anything was shown, and only counted: "
                                               : " refused before anybody was proved, and only counted: ",
                                           absl::StrJoin(reasons, ", "));
  recorder::CallEnd end;
  end.reason = recorder::EndReason::kRefused;
  end.status_code = counted.first_code;
  end.status_message = message;
  end.trailers_only = true;
  end.duration = counted.last - counted.first;
  batch.AddEnd(counted.last, end);
}

}  // namespace sallyport::gateway
