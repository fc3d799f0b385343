#include "recorder/descriptor_archive.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/log/file.h"
#include "recorder/text.h"

namespace sallyport::recorder {
namespace {

constexpr size_t kLargestDescriptors = size_t{256} << 20;

}  // namespace

absl::Status KeepDescriptors(const StoreLayout& layout, std::string_view version,
                             std::string_view file_descriptor_set) {
  if (!IsDescriptorVersion(version)) {
    return absl::InvalidArgumentError(absl::StrCat("descriptors cannot be kept under the version \"",
                                                   absl::CEscape(View(version)), "\": 8 to 128 hex digits are needed"));
  }
  if (file_descriptor_set.size() > kLargestDescriptors) {
    return absl::InvalidArgumentError(absl::StrCat("descriptors of ", file_descriptor_set.size(),
                                                   " bytes are larger than the ", kLargestDescriptors,
                                                   " that are kept"));
  }
  const std::string path = layout.Descriptors(version);
  if (FileExists(path)) return absl::OkStatus();
  return ReplaceFile(path, file_descriptor_set);
}

absl::StatusOr<std::string> ReadDescriptors(const StoreLayout& layout, std::string_view version) {
  if (!IsDescriptorVersion(version)) {
    return absl::NotFoundError(
        absl::StrCat("no descriptors can have the version \"", absl::CEscape(View(version)), "\""));
  }
  absl::StatusOr<std::string> bytes = ReadWholeFile(layout.Descriptors(version), kLargestDescriptors);
  if (absl::IsNotFound(bytes.status())) {
    return absl::NotFoundError(absl::StrCat("no descriptors are kept under the version ", View(version)));
  }
  return bytes;
}

}  // namespace sallyport::recorder
