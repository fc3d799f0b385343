// Reading a secret where the configuration says it is.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_SECRET_READER_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_SECRET_READER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/upstream/credentials/credentials_options.h"
#include "gateway/upstream/credentials/refreshed_secret.h"
#include "recorder/system/private_file.h"

namespace sallyport::gateway {

// A file that is read again when it has changed. Not thread-safe.
class WatchedFile {
 public:
  // `kind`, such as "key", is what errors call it.
  WatchedFile(std::string path, size_t most_bytes, std::string kind)
      : path_(std::move(path)), most_bytes_(most_bytes), kind_(std::move(kind)) {}

  // What is in the file, or nothing if that is the same as last time. Blocks. Errors name the file: NOT_FOUND,
  // RESOURCE_EXHAUSTED if it is too large, FAILED_PRECONDITION if it is no file.
  absl::StatusOr<std::optional<recorder::SecretText>> ReadIfChanged(absl::Time now);
  // The next time it is read whether it has changed or not.
  void Forget() { version_.reset(); }

 private:
  const std::string path_;
  const size_t most_bytes_;
  const std::string kind_;
  std::optional<recorder::FileVersion> version_;  // that was read last and may be relied on
};

// What a secret may be: without control characters and at most 8 KiB long; in metadata, printable ASCII.
enum class SecretUse { kMetadata, kClientSecret };

// Reads one secret. Not thread-safe.
class SecretReader {
 public:
  static constexpr size_t kMostBytes = 8192;

  // `prefix` is put in front of it.
  SecretReader(const SecretOptions& options, SecretUse use, std::string prefix = "");

  // Blocks: for the file system, or for the command. Returns `current` if that is what it still is. Errors say where
  // the secret should be and never what is there: UNAVAILABLE, NOT_FOUND, FAILED_PRECONDITION and the like.
  absl::StatusOr<SharedSecret> Read(const SharedSecret& current, absl::Time now);

  // When what was read at `now` is to be read again, and for how long it serves if that fails.
  absl::Time DueAfter(absl::Time now) const;
  absl::Time ExpiresAfter(absl::Time now) const;

 private:
  absl::StatusOr<std::optional<recorder::SecretText>> ReadSource(absl::Time now);
  absl::StatusOr<recorder::SecretText> RunCommand() const;
  absl::StatusOr<SharedSecret> Finish(recorder::SecretText text) const;
  std::string Place() const;

  const SecretOptions options_;
  const SecretUse use_;
  const std::string prefix_;
  std::optional<WatchedFile> file_;
};

// INVALID_ARGUMENT, without repeating it, unless `text` can be the value of metadata: 1 to 8192 characters of printable
// ASCII, the first and the last of which are no spaces.
absl::Status CheckMetadataValue(std::string_view text);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_SECRET_READER_H_
