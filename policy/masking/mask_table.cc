#include "policy/masking/mask_table.h"

#include <algorithm>

namespace sallyport::policy {
namespace {

struct Span {
  uint32_t begin;
  uint32_t end;
  int32_t action;
};

}  // namespace

bool MaskFinds(const MaskTable& table, std::string_view place, std::string_view text, std::string* masked) {
  if (table.detectors == nullptr) return false;
  thread_local std::vector<Detection> found;
  found.clear();
  table.detectors->Find(text, &found);
  // What overlaps is masked as one, as the first mask in the file says.
  std::vector<Span> spans;
  for (const Detection& detection : found) {
    const int32_t action = table.detected[detection.detector];
    if (action < 0) continue;
    if (table.counts != nullptr) table.counts->Add(place, table.detectors->names()[detection.detector]);
    if (!spans.empty() && detection.begin < spans.back().end) {
      spans.back().end = std::max(spans.back().end, detection.end);
      spans.back().action = std::min(spans.back().action, action);
    } else {
      spans.push_back({detection.begin, detection.end, action});
    }
  }
  if (spans.empty()) return false;
  masked->clear();
  size_t from = 0;
  for (const Span& span : spans) {
    masked->append(text.substr(from, span.begin - from));
    AppendMaskedText(table.actions[static_cast<size_t>(span.action)], table.key,
                     text.substr(span.begin, span.end - span.begin), masked);
    from = span.end;
  }
  masked->append(text.substr(from));
  return *masked != text;
}

void AppendMaskedValue(const MaskTable& table, std::string_view place, const MaskAction& action, std::string_view text,
                       std::string* out) {
  if (action.kind != v1::Mask::truncate || table.detectors == nullptr) {
    return AppendMaskedText(action, table.key, text, out);
  }
  // What is cut may look like something else, and be longer once that is masked: again, until nothing changes.
  constexpr int kMostRounds = 8;
  std::string value(text);
  std::string masked;
  for (int round = 0; round < kMostRounds; ++round) {
    const bool found = MaskFinds(table, place, value, &masked);
    if (found) value.swap(masked);
    masked.clear();
    AppendMaskedText(action, table.key, value, &masked);
    const bool cut = masked != value;
    value.swap(masked);
    if (found || cut) continue;
    out->append(value);
    return;
  }
}

}  // namespace sallyport::policy
