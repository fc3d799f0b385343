#include "policy/masking/kind_of_call.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "policy/glob.h"
#include "policy/masking/content_check.h"

namespace sallyport::policy {
namespace {

constexpr std::string_view kStatusDetails = "grpc-status-details-bin";

// Nothing is left of a text with more finds than there is work for.
bool HideFinds(const MaskTable& table, const char* place, std::string_view text, std::string* masked) {
  WorkBudget budget;
  if (MaskFinds(table, place, text, &budget, masked)) return true;
  masked->clear();
  return budget.exceeded();
}

// What stands in place of a value must be one that gRPC sends.
bool Replace(std::string_view name, std::string masked, std::string* value) {
  if (!name.ends_with("-bin")) {
    for (char& c : masked) {
      if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
    }
  }
  if (masked == *value) return false;
  *value = std::move(masked);
  return true;
}

}  // namespace

size_t KindOfCall::bytes() const {
  size_t bytes = sizeof *this;
  for (const std::vector<ContentLook>& looks : parts_.content) {
    for (const ContentLook& look : looks) {
      bytes += sizeof look + (look.texts == nullptr ? 0 : look.texts->bytes());
      for (const ContentLook::Condition& condition : look.conditions) {
        bytes += sizeof condition + condition.plan->bytes();
      }
    }
  }
  return bytes;
}

bool KindOfCall::MaskMetadata(MaskView view, std::string_view name, std::string* value, bool* drop) const {
  const Metadata& metadata = parts_.metadata[At(view)];
  for (const auto& [glob, action] : metadata.names) {
    if (!GlobMatches(glob, name)) continue;
    *drop = action->kind == v1::Mask::drop;
    std::string masked;
    WorkBudget budget;
    AppendMaskedValue(metadata.table, DetectionCounts::kMetadata, *action, *value, &budget, &masked);
    return Replace(name, std::move(masked), value);
  }
  std::string masked;
  if (name == kStatusDetails && metadata.details != nullptr) {
    std::string problem;
    const MessageMask::Outcome outcome = metadata.details->Apply(*value, &masked, &problem);
    *drop = outcome == MessageMask::Outcome::kUnreadable && !parts_.passes_unreadable;
    if (outcome != MessageMask::Outcome::kMasked) return *drop;
    *value = std::move(masked);
    return true;
  }
  return HideFinds(metadata.table, DetectionCounts::kMetadata, *value, &masked) &&
         Replace(name, std::move(masked), value);
}

bool KindOfCall::MaskText(MaskView view, std::string* text) const {
  std::string masked;
  if (!HideFinds(parts_.metadata[At(view)].table, DetectionCounts::kStatusMessage, *text, &masked)) return false;
  *text = std::move(masked);
  return true;
}

bool KindOfCall::enforces_content(MessageSide side) const {
  return absl::c_any_of(parts_.content[At(side)], [](const ContentLook& look) { return !look.rule->shadow; });
}

ContentVerdict KindOfCall::CheckContent(MessageSide side, std::string_view message) const {
  ContentVerdict verdict;
  for (const ContentLook& look : parts_.content[At(side)]) {
    bool found = false;
    if (!Finds(look, message, &found)) {
      // It would have been refused.
      found = true;
      verdict.unreadable = !look.rule->shadow;
      if (verdict.unreadable) return verdict;
    }
    if (!found) continue;
    if (!look.rule->shadow) {
      verdict.rule = look.rule->name;
      return verdict;
    }
    verdict.shadow.push_back(look.rule->name);
  }
  return verdict;
}

bool KindOfCall::Finds(const ContentLook& look, std::string_view message, bool* found) const {
  for (const ContentLook::Condition& condition : look.conditions) {
    const bool readable = VisitValues(*condition.plan, message, [&](const VisitedValue& value) {
      *found = GlobMatches(condition.value, value.text);
      return !*found;
    });
    if (!readable) return false;
    if (*found) return true;
  }
  if (look.texts == nullptr) return true;
  std::vector<Detection> detections;
  bool all = true;  // that are there were looked at
  const bool readable = VisitValues(*look.texts, message, [&](const VisitedValue& value) {
    detections.clear();
    all = parts_.policy->detectors()->FindAtMost(value.text, kMostWork, &detections) && all;
    *found = std::any_of(detections.begin(), detections.end(), [&](const Detection& detection) {
      return std::binary_search(look.rule->detect.begin(), look.rule->detect.end(), detection.detector);
    });
    return !*found;
  });
  return readable && (all || *found);
}

}  // namespace sallyport::policy
