#include "recorder/format/store_layout.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

constexpr char kSegmentSuffix[] = ".seg";
constexpr char kKeySuffix[] = ".key";
constexpr char kDestroyedKeySuffix[] = ".key.destroyed";
constexpr size_t kSegmentDigits = 8;

// The number in eight digits and a suffix.
std::optional<uint64_t> ParseNumberedName(std::string_view name, std::string_view suffix) {
  uint64_t number = 0;
  if (!name.ends_with(suffix) || name.size() != kSegmentDigits + suffix.size()) return std::nullopt;
  name = name.substr(0, kSegmentDigits);
  if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  if (!absl::SimpleAtoi(View(name), &number) || number == 0) return std::nullopt;
  return number;
}

}  // namespace

StoreLayout::StoreLayout(std::string directory) : directory_(std::move(directory)) {
  // What is put beside the directory begins with its name.
  while (directory_.size() > 1 && directory_.ends_with('/')) directory_.pop_back();
}

std::string StoreLayout::DefaultKeyring() const {
  // ".", ".." and "/" are no names to put something beside.
  const std::string name = std::filesystem::path(directory_).filename();
  if (!name.empty() && name != "." && name != "..") return directory_ + ".keyring";
  std::error_code error;
  const std::string resolved = std::filesystem::canonical(directory_, error);
  return (error || resolved == "/" ? directory_ + "/sallyport" : resolved) + ".keyring";
}

std::string StoreLayout::Segment(uint64_t number) const {
  return absl::StrCat(LogDirectory(), "/", absl::StrFormat("%08d", number), kSegmentSuffix);
}

std::string StoreLayout::DataKey(uint64_t segment) const {
  return absl::StrCat(KeysDirectory(), "/", absl::StrFormat("%08d", segment), kKeySuffix);
}

std::string StoreLayout::Descriptors(std::string_view version) const {
  return absl::StrCat(DescriptorsDirectory(), "/", View(version), ".sealed");
}

std::optional<uint64_t> ParseSegmentName(std::string_view name) { return ParseNumberedName(name, kSegmentSuffix); }

std::optional<uint64_t> ParseDataKeyName(std::string_view name) { return ParseNumberedName(name, kKeySuffix); }

std::optional<uint64_t> ParseDestroyedDataKeyName(std::string_view name) {
  return ParseNumberedName(name, kDestroyedKeySuffix);
}

bool IsDescriptorVersion(std::string_view version) {
  return version.size() >= 8 && version.size() <= 128 && std::all_of(version.begin(), version.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace sallyport::recorder
