// The log's own verification over a backup.
#ifndef SALLYPORT_RECORDER_BACKUP_VERIFIED_COPY_H_
#define SALLYPORT_RECORDER_BACKUP_VERIFIED_COPY_H_

#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/backup/manifest.h"
#include "recorder/keys/key_source.h"
#include "recorder/verify/verifier.h"

namespace sallyport::recorder {

// What a verification of a copy found.
struct CopyVerification {
  VerifyReport report;
  std::string why_no_keys;  // the blocks were not opened; empty if they were
};

// Verifies the store in a directory. With keys, where they can be had: `keys` unset stands for the keyring file
// `default_keyring`.
absl::StatusOr<CopyVerification> VerifyDirectory(const std::string& directory, const std::optional<KeySource>& keys,
                                                 const std::string& default_keyring);

// The same for the copy in the backup at `backup`, as it would be restored.
absl::StatusOr<CopyVerification> VerifyCopy(const std::string& backup, const BackupManifest& manifest,
                                            const std::optional<KeySource>& keys, const std::string& default_keyring);

// OK if it found nothing wrong with the log. DATA_LOSS with the first finding and how many there are, after `what`.
absl::Status CheckVerified(const VerifyReport& report, const std::string& what);

// Reads the copies that `wanted` chooses again, and compares them with the manifest. DATA_LOSS, naming the file, if one
// is not there, or was changed, cut or replaced by a link.
absl::Status CheckCopies(const std::string& backup, const BackupManifest& manifest,
                         absl::FunctionRef<bool(const BackupFile& file)> wanted);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_BACKUP_VERIFIED_COPY_H_
