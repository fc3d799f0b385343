// The file of API keys: what is kept of each, oldest first. KEYS.md describes the text.
#ifndef SALLYPORT_RECORDER_API_KEYS_API_KEY_FILE_H_
#define SALLYPORT_RECORDER_API_KEYS_API_KEY_FILE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/api_keys/api_key.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// What such a file may hold at most.
inline constexpr size_t kMostApiKeyFileBytes = size_t{16} << 20;

// DATA_LOSS, naming the line, if `text` is not what FormatApiKeys makes, or an id occurs twice. `name` is what
// errors call it.
absl::StatusOr<std::vector<ApiKey>> ParseApiKeys(std::string_view text, std::string_view name);
std::string FormatApiKeys(const std::vector<ApiKey>& keys);

// NOT_FOUND if there is no such file; FAILED_PRECONDITION if others than its owner may write it.
absl::StatusOr<std::vector<ApiKey>> ReadApiKeys(const std::string& path);

// Makes a key and adds it to the file, which is made if need be. For MakeApiKey's errors, see there. Waits for others
// who change the file; a crash leaves the file as it was, or whole with the new key. RESOURCE_EXHAUSTED if it is full.
absl::StatusOr<NewApiKey> IssueApiKey(const std::string& path, std::string_view subject,
                                      const std::vector<std::string>& groups, absl::Time now, absl::Time expires,
                                      FileSystem& files);

// Marks a key as revoked from now on, or leaves it as it is if it is already, and returns it. NOT_FOUND if there is no
// file, or no such key in it.
absl::StatusOr<ApiKey> RevokeApiKey(const std::string& path, std::string_view id, absl::Time now, FileSystem& files);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_API_KEYS_API_KEY_FILE_H_
