// `checkpoints`: where the log's signed heads go.
#include "absl/strings/str_cat.h"
#include "gateway/configuration/sections.h"
#include "gateway/http/http_client.h"

namespace sallyport::gateway {
namespace {

constexpr char kDefaultCheckpointInterval[] = "1s";

void CheckCheckpointUrl(ConfigurationCheck& check, const std::string& key, const std::string& url) {
  absl::Status status = CheckProtectedUrl(url, check.config().checkpoints().insecure());
  if (!status.ok()) check.Fail(key, status.message());
}

}  // namespace

void CheckCheckpoints(ConfigurationCheck& check) {
  const v1::Checkpoints& checkpoints = check.config().checkpoints();
  CheckpointOptions& options = check.options().checkpoints;
  options.interval = check.Duration("checkpoints.interval", checkpoints.interval(), kDefaultCheckpointInterval);
  if (options.interval < absl::Milliseconds(100) || options.interval > absl::Hours(1)) {
    check.Fail("checkpoints.interval", absl::StrCat(checkpoints.interval(), " is not between 100ms and 1h"));
  }
  options.directory = checkpoints.directory();
  if (!options.directory.empty()) check.Directory("checkpoints.directory", options.directory);
  options.url = checkpoints.url();
  if (!options.url.empty()) CheckCheckpointUrl(check, "checkpoints.url", options.url);
  options.ca_pem = check.PemFile("checkpoints.ca", checkpoints.ca(), "CERTIFICATE", "certificate");
  for (int i = 0; i < checkpoints.witnesses_size(); ++i) {
    const v1::Witness& witness = checkpoints.witnesses(i);
    const std::string key = absl::StrCat("checkpoints.witnesses[", i, "]");
    CheckCheckpointUrl(check, key + ".url", witness.url());
    absl::StatusOr<recorder::VerifierKey> verifier = recorder::VerifierKey::Parse(witness.key());
    if (!verifier.ok()) {
      check.Fail(key + ".key", verifier.status().message());
    } else if (verifier->type() != recorder::SignatureType::kCosignature) {
      check.Fail(key + ".key", "is not of a witness: its type is 1, and that of cosignatures is 4");
    } else {
      options.witnesses.push_back({witness.url(), *std::move(verifier)});
    }
  }
}

}  // namespace sallyport::gateway
