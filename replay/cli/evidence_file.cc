#include "replay/cli/evidence_file.h"

#include <iostream>

#include "recorder/evidence/evidence.h"
#include "recorder/system/file.h"
#include "recorder/verify/evidence_check.h"

namespace sallyport::replay {

absl::Status WriteEvidence(const v1::Evidence& evidence, const std::string& path) {
  const std::string text = recorder::FormatEvidence(evidence);
  if (path == "-") {
    std::cout << text;
    return absl::OkStatus();
  }
  return recorder::ReplaceFile(recorder::RealFileSystem(), path, text);
}

}  // namespace sallyport::replay
