// Feeds the committed corpora to the fuzz targets. A target without a corpus is a failure, as a corpus without a target
// is. usage: fuzz_corpus CORPUS-DIRECTORY     which has one directory for each target
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "tests/fuzz/fuzz_target.h"

namespace {

struct Target {
  const char* name;
  void (*run)(std::string_view);
};

constexpr Target kTargets[] = {
    {"api_keys", sallyport::recorder::FuzzApiKeys},
    {"backup_manifest", sallyport::recorder::FuzzBackupManifest},
    {"bearer_token", sallyport::recorder::FuzzBearerToken},
    {"block", sallyport::recorder::FuzzBlock},
    {"call_metadata", sallyport::recorder::FuzzCallMetadata},
    {"certificate_dates", sallyport::recorder::FuzzCertificateDates},
    {"certificates", sallyport::recorder::FuzzCertificates},
    {"checkpoint", sallyport::recorder::FuzzCheckpoint},
    {"conditions", sallyport::recorder::FuzzConditions},
    {"control_packet", sallyport::recorder::FuzzControlPacket},
    {"door_envelope", sallyport::recorder::FuzzDoorEnvelope},
    {"door_request", sallyport::recorder::FuzzDoorRequest},
    {"event_cursor", sallyport::recorder::FuzzEventCursor},
    {"evidence", sallyport::recorder::FuzzEvidence},
    {"http_request", sallyport::recorder::FuzzHttpRequest},
    {"key_file", sallyport::recorder::FuzzKeyFile},
    {"key_set", sallyport::recorder::FuzzKeySet},
    {"keyring", sallyport::recorder::FuzzKeyring},
    {"mask", sallyport::recorder::FuzzMask},
    {"mask_schema", sallyport::recorder::FuzzMaskSchema},
    {"messages", sallyport::recorder::FuzzMessages},
    {"policy", sallyport::recorder::FuzzPolicy},
    {"postings", sallyport::recorder::FuzzPostings},
    {"proxy_header", sallyport::recorder::FuzzProxyHeader},
    {"reflected_files", sallyport::recorder::FuzzReflectedFiles},
    {"reveal_key", sallyport::recorder::FuzzRevealKey},
    {"sealed_view", sallyport::recorder::FuzzSealedView},
    {"segment_header", sallyport::recorder::FuzzSegmentHeader},
    {"token_answer", sallyport::recorder::FuzzTokenAnswer},
    {"trace_context", sallyport::recorder::FuzzTraceContext},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: fuzz_corpus CORPUS-DIRECTORY\n";
    return 2;
  }
  for (const auto& directory : std::filesystem::directory_iterator(argv[1])) {
    const std::string name = directory.path().filename().string();
    if (std::none_of(std::begin(kTargets), std::end(kTargets), [&name](const Target& it) { return it.name == name; })) {
      std::cerr << "no target for " << name << '\n';
      return 1;
    }
  }
  for (const Target& target : kTargets) {
    int fed = 0;
    for (const auto& file : std::filesystem::directory_iterator(std::filesystem::path(argv[1]) / target.name)) {
      std::ifstream stream(file.path(), std::ios::binary);
      const std::string input{std::istreambuf_iterator<char>(stream), {}};
      std::cout << target.name << ' ' << file.path().filename().string() << std::endl;
      target.run(input);
      ++fed;
    }
    if (fed == 0) {
      std::cerr << "no corpus for " << target.name << '\n';
      return 1;
    }
  }
  return 0;
}
