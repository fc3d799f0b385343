#include "policy/record_rules.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "policy/matching/match_reader.h"
#include "protos/quantities.h"

namespace sallyport::policy {
namespace {

constexpr std::string_view kFirst = "first ";

}  // namespace

absl::StatusOr<uint64_t> ParseFrames(const std::string& text) {
  if (text == "all") return kWholeFrames;
  if (text == "none") return 0;
  if (text.starts_with(kFirst)) {
    const absl::StatusOr<uint64_t> bytes = ParseSize(std::string_view(text).substr(kFirst.size()));
    if (bytes.ok() && *bytes > 0 && *bytes <= kMostFirstBytes) return *bytes;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(Quoted(text), " is none of \"all\", \"none\" and \"first 16KiB\" (up to 4GiB)"));
}

std::string FramesText(uint64_t frame_bytes) {
  if (frame_bytes == kWholeFrames) return "all";
  if (frame_bytes == 0) return "none";
  return absl::StrCat("first ", frame_bytes, frame_bytes == 1 ? " byte" : " bytes");
}

std::string EffectText(const RecordRule& rule) {
  std::string text = absl::StrCat("frames: ", FramesText(rule.frame_bytes));
  if (rule.durability.has_value()) {
    absl::StrAppend(&text, ", durability: ", v1::RecordRule::Durability_Name(*rule.durability));
  }
  return text;
}

}  // namespace sallyport::policy
