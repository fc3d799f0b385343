// The manifest of a backup: what is accepted has one spelling, and no path in it leads out of a directory.
#include <string>

#include "recorder/backup/manifest.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {
namespace {

void Look(std::string_view text) {
  const absl::StatusOr<BackupManifest> manifest = BackupManifest::Parse(text);
  if (!manifest.ok()) return;
  Require(manifest->Format() == text, "a manifest has one spelling");
  for (const BackupFile& file : manifest->files) {
    Require(!file.path.starts_with('/') && file.path.find("..") != 0 && file.path.find("/.") == std::string::npos,
            "a path stays within");
    Require(file.run >= 1 && file.run <= manifest->run, "a file is of a run that was");
  }
}

}  // namespace

void FuzzBackupManifest(std::string_view input) {
  Look(input);
  // With the hash that it should have, so that what stands before is looked at, too.
  const Hash hash = Sha256({input});
  std::string sealed(input);
  sealed += "sha256 ";
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : hash) {
    sealed += kDigits[static_cast<unsigned char>(c) >> 4];
    sealed += kDigits[static_cast<unsigned char>(c) & 15];
  }
  Look(sealed + "\n");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzBackupManifest)
