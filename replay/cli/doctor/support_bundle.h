// What is sent to those who help: no secret, and nothing that was recorded.
#ifndef SALLYPORT_REPLAY_CLI_DOCTOR_SUPPORT_BUNDLE_H_
#define SALLYPORT_REPLAY_CLI_DOCTOR_SUPPORT_BUNDLE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace sallyport::replay {

// Names of files, and what is in them.
using BundleFiles = std::vector<std::pair<std::string, std::string>>;

// A POSIX tar (ustar) of them, in a gzip member that is not compressed. Names have at most 99 characters.
std::string TarGz(const BundleFiles& files, int64_t time_seconds);

// The files of a store's directory, a line each: size, mode, time, path. No contents.
std::string ListStore(const std::string& directory);

// Writes a new file with mode 0600, synced. ALREADY_EXISTS if there is one.
absl::Status WriteBundle(const std::string& path, std::string_view bytes);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_DOCTOR_SUPPORT_BUNDLE_H_
