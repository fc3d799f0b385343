// The descriptor sets kept with a store, each a sealed file named by its version: a random nonce, then AES-256-GCM
// under the store's key for "descriptors", bound to store and version.
#ifndef SALLYPORT_RECORDER_LOG_DESCRIPTOR_ARCHIVE_H_
#define SALLYPORT_RECORDER_LOG_DESCRIPTOR_ARCHIVE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/store_layout.h"
#include "recorder/keys/store_keys.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// How much may be kept together.
struct DescriptorBounds {
  uint64_t bytes = UINT64_MAX;
  uint64_t sets = UINT64_MAX;
};

// See Recorder::KeepDescriptors. INVALID_ARGUMENT if the version is not 8 to 128 lower-case hex digits,
// RESOURCE_EXHAUSTED if with this one there would be more than `bounds` allows.
absl::Status KeepDescriptors(const StoreLayout& layout, const StoreKeys& keys, FileSystem& files,
                             std::string_view version, std::string_view file_descriptor_set,
                             const DescriptorBounds& bounds);

// See RecordReader::Descriptors.
absl::StatusOr<std::string> ReadDescriptors(const StoreLayout& layout, const StoreKeys& keys, std::string_view version);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_DESCRIPTOR_ARCHIVE_H_
