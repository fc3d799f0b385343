#include "recorder/backup/verified_copy.h"

#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "recorder/backup/copied_file.h"
#include "recorder/format/store_layout.h"
#include "recorder/keys/store_keys.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {
namespace {

// A store's directory that is made of links to the copies.
absl::Status LinkCopies(const std::string& backup, const BackupManifest& manifest, const std::string& directory) {
  std::error_code error;
  const std::filesystem::path from = std::filesystem::canonical(backup, error);
  if (error) return SystemError(error.value(), "looking at", backup);
  for (const BackupFile& file : manifest.files) {
    if (file.kind == BackupFile::Kind::kKept) continue;
    if (absl::Status status = MakeWay(RealFileSystem(), directory, file.path); !status.ok()) return status;
    const std::string link = absl::StrCat(directory, "/", file.path);
    const std::string target = (from / StoredPath(file.run, file.path)).string();
    if (symlink(target.c_str(), link.c_str()) != 0) return SystemError(errno, "linking", link);
  }
  return RealFileSystem().EnsureDirectory(absl::StrCat(directory, "/log"));
}

}  // namespace

absl::StatusOr<CopyVerification> VerifyDirectory(const std::string& directory, const std::optional<KeySource>& keys,
                                                 const std::string& default_keyring) {
  CopyVerification verification;
  const KeySource source = keys.value_or(KeySource{KeySource::Kind::kFile, default_keyring});
  const absl::StatusOr<std::unique_ptr<StoreKeys>> opened = StoreKeys::Open(StoreLayout(directory), source);
  if (!opened.ok()) verification.why_no_keys = std::string(opened.status().message());
  VerifyOptions options;
  options.directory = directory;
  options.keys = opened.ok() ? opened->get() : nullptr;
  absl::StatusOr<VerifyReport> report = VerifyStore(options);
  if (!report.ok()) return report.status();
  verification.report = *std::move(report);
  return verification;
}

absl::StatusOr<CopyVerification> VerifyCopy(const std::string& backup, const BackupManifest& manifest,
                                            const std::optional<KeySource>& keys, const std::string& default_keyring) {
  std::error_code error;
  const std::filesystem::path temporary = std::filesystem::temp_directory_path(error);
  if (error) return SystemError(error.value(), "looking for", "a temporary directory");
  std::string directory = (temporary / "sallyport-verify-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) return SystemError(errno, "creating", directory);
  const absl::Cleanup remove = [&] {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  };
  if (absl::Status status = LinkCopies(backup, manifest, directory); !status.ok()) return status;
  return VerifyDirectory(directory, keys, default_keyring);
}

absl::Status CheckVerified(const VerifyReport& report, const std::string& what) {
  if (report.log_errors == 0) return absl::OkStatus();
  std::string first = "nothing more is known";
  for (const Finding& finding : report.findings) {
    if (finding.weight != Finding::Weight::kError) continue;
    first = finding.Line();
    break;
  }
  return absl::DataLossError(absl::StrCat(what, " does not verify (", report.log_errors,
                                          report.log_errors == 1 ? " error): " : " errors), first: ", first));
}

absl::Status CheckCopies(const std::string& backup, const BackupManifest& manifest,
                         absl::FunctionRef<bool(const BackupFile& file)> wanted) {
  for (const BackupFile& file : manifest.files) {
    if (!wanted(file)) continue;
    const std::string stored = StoredPath(file.run, file.path);
    const absl::StatusOr<InputFile> copy = InputFile::OpenBeneath(backup, stored);
    if (absl::IsNotFound(copy.status())) {
      return absl::DataLossError(absl::StrCat("the backup is damaged or was changed: ", stored, " is missing"));
    }
    if (!copy.ok()) return copy.status();
    const absl::StatusOr<uint64_t> size = copy->Size();
    if (!size.ok()) return size.status();
    if (*size != file.size) {
      return absl::DataLossError(absl::StrCat("the backup is damaged or was changed: ", stored, " has ", *size,
                                              " bytes, and the manifest says ", file.size));
    }
    copy->ForgetCached();
    const absl::StatusOr<Hash> hash = HashOf(*copy, file.size);
    if (!hash.ok()) return hash.status();
    if (*hash != file.sha256) {
      return absl::DataLossError(absl::StrCat("the backup is damaged or was changed: ", stored,
                                              " is not what the manifest says (another SHA-256)"));
    }
  }
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
