#include "recorder/log/descriptor_archive.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/system/file.h"
#include "recorder/system/private_file.h"

namespace sallyport::recorder {
namespace {

constexpr size_t kLargestDescriptors = size_t{256} << 20;
constexpr std::string_view kPurpose = "descriptors";

std::string BoundTo(const StoreKeys& keys, std::string_view version) {
  return absl::StrCat("descriptors ", absl::string_view(keys.store_id().data(), keys.store_id().size()), View(version));
}

// Whether so many bytes more can be kept. Looks at what is there, which changes seldom.
absl::Status CheckRoom(const StoreLayout& layout, uint64_t bytes, const DescriptorBounds& bounds) {
  if (bounds.bytes == UINT64_MAX && bounds.sets == UINT64_MAX) return absl::OkStatus();
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(layout.DescriptorsDirectory());
  if (!names.ok()) return absl::IsNotFound(names.status()) ? absl::OkStatus() : names.status();
  uint64_t kept = bytes;
  for (const std::string& name : *names) {
    const absl::StatusOr<FileVersion> file = FileVersion::Of(absl::StrCat(layout.DescriptorsDirectory(), "/", name));
    if (file.ok()) kept += file->size;
  }
  if (names->size() < bounds.sets && kept <= bounds.bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("no more descriptors are kept: there are ", names->size(), " sets of ", kept - bytes, " bytes in ",
                   layout.DescriptorsDirectory(), ", which calls may name, and upstreams may add up to ", bounds.sets,
                   " sets and ", bounds.bytes, " bytes"));
}

}  // namespace

absl::Status KeepDescriptors(const StoreLayout& layout, const StoreKeys& keys, FileSystem& files,
                             std::string_view version, std::string_view file_descriptor_set,
                             const DescriptorBounds& bounds) {
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
  if (absl::Status status = CheckRoom(layout, file_descriptor_set.size(), bounds); !status.ok()) return status;
  Aes256Gcm::Nonce nonce;
  if (absl::Status status = FillRandom(nonce.data(), nonce.size()); !status.ok()) return status;
  std::string sealed(nonce.data(), nonce.size());
  Aes256Gcm(keys.Derive(kPurpose)).Seal(nonce, BoundTo(keys, version), file_descriptor_set, sealed);
  return ReplaceFile(files, path, sealed);
}

absl::StatusOr<std::string> ReadDescriptors(const StoreLayout& layout, const StoreKeys& keys,
                                            std::string_view version) {
  if (!IsDescriptorVersion(version)) {
    return absl::NotFoundError(
        absl::StrCat("no descriptors can have the version \"", absl::CEscape(View(version)), "\""));
  }
  const std::string path = layout.Descriptors(version);
  const absl::StatusOr<ReadableFile> file = ReadableFile::Open(path);
  if (absl::IsNotFound(file.status())) {
    return absl::NotFoundError(absl::StrCat("no descriptors are kept under the version ", View(version)));
  }
  if (!file.ok()) return file.status();
  const absl::StatusOr<uint64_t> size = file->Size();
  if (!size.ok()) return size.status();
  Aes256Gcm::Nonce nonce = {};
  std::string bytes;
  if (*size >= nonce.size() && *size <= 2 * kLargestDescriptors) {
    bytes.resize(*size - nonce.size());
    absl::StatusOr<size_t> got = file->Read(0, nonce.size(), nonce.data());
    if (got.ok()) got = file->Read(nonce.size(), bytes.size(), bytes.data());
    if (!got.ok()) return got.status();
    bytes.resize(*got);
  }
  // In place: a large set costs a call that is shown little more than reading it.
  if (!Aes256Gcm(keys.Derive(kPurpose)).OpenInPlace(nonce, BoundTo(keys, version), bytes)) {
    return absl::DataLossError(absl::StrCat(path, " is damaged, or of another store"));
  }
  return bytes;
}

}  // namespace sallyport::recorder
