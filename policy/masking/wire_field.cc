#include "policy/masking/wire_field.h"

#include <utility>

namespace sallyport::policy {

AnyContent ContentOf(const MaskPlan::Node& any, std::string_view bytes) {
  AnyContent content;
  WireReader reader(bytes);
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  bool minimal = false;
  std::string_view url;
  std::string_view value;
  // What does not parse here is found out when the fields are walked.
  while (!reader.done() && reader.ReadTag(&number, &type, &minimal)) {
    if (number == kAnyTypeUrl && type == WireType::kLength) {
      if (!reader.ReadLength(&url, &minimal)) return content;
      content.has_url = true;
    } else if (number == kAnyValue && type == WireType::kLength) {
      if (!reader.ReadLength(&value, &minimal)) return content;
      content.has_value = true;
    } else if (!reader.SkipValue(number, type, kMostDepth)) {
      return content;
    }
  }
  if (!content.has_url) return content;
  MaskPlan::Content found = any.plan->ContentOf(any, url.substr(url.rfind('/') + 1));
  content.known = found.known;
  content.sound = found.sound;
  content.plan = std::move(found.plan);
  if (content.plan != nullptr) content.node = &content.plan->node(0);
  return content;
}

}  // namespace sallyport::policy
