#include "recorder/store_layout.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "recorder/text.h"

namespace sallyport::recorder {
namespace {

constexpr char kSegmentSuffix[] = ".seg";
constexpr size_t kSegmentDigits = 8;

}  // namespace

std::string StoreLayout::Segment(uint64_t number) const {
  return absl::StrCat(LogDirectory(), "/", absl::StrFormat("%08d", number), kSegmentSuffix);
}

std::string StoreLayout::DataKey(uint64_t segment) const {
  return absl::StrCat(KeysDirectory(), "/", absl::StrFormat("%08d", segment), ".key");
}

std::string StoreLayout::Descriptors(std::string_view version) const {
  return absl::StrCat(DescriptorsDirectory(), "/", View(version), ".sealed");
}

std::optional<uint64_t> ParseSegmentName(std::string_view name) {
  uint64_t number = 0;
  if (!name.ends_with(kSegmentSuffix) || name.size() != kSegmentDigits + sizeof(kSegmentSuffix) - 1)
    return std::nullopt;
  name = name.substr(0, kSegmentDigits);
  if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  if (!absl::SimpleAtoi(View(name), &number) || number == 0) return std::nullopt;
  return number;
}

bool IsDescriptorVersion(std::string_view version) {
  return version.size() >= 8 && version.size() <= 128 && std::all_of(version.begin(), version.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace sallyport::recorder
