// `descriptors`: where messages are described.
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "gateway/configuration/sections.h"

namespace sallyport::gateway {
namespace {

constexpr char kDefaultRefresh[] = "5m";

// What is in it is looked at by those who use it.
void CheckDescriptorFile(ConfigurationCheck& check, const std::string& key, const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    check.Fail(key, absl::StrCat(path, ": ", error ? error.message() : "there is no such file or directory"));
  } else if (!std::filesystem::is_directory(status) && !std::ifstream(path)) {
    check.Fail(key, absl::StrCat("cannot read ", path));
  }
}

}  // namespace

void CheckDescriptors(ConfigurationCheck& check) {
  GatewayOptions& options = check.options();
  for (int i = 0; i < check.config().descriptors_size(); ++i) {
    const v1::DescriptorSource& source = check.config().descriptors(i);
    std::string key = absl::StrCat("descriptors[", i, "]");
    if (source.file().empty() == source.reflection().empty()) {
      check.Fail(key, "give either file or reflection");
    } else if (!source.file().empty()) {
      options.descriptor_files.push_back(source.file());
      options.descriptor_places.emplace(source.file(), check.faults().Place(key + ".file"));
      CheckDescriptorFile(check, key + ".file", source.file());
    } else {
      check.UpstreamName(key + ".reflection", source.reflection());
      absl::Duration refresh = check.Duration(key + ".refresh", source.refresh(), kDefaultRefresh);
      if (refresh < absl::Seconds(1)) check.Fail(key + ".refresh", "is too short: at least 1s");
      options.reflection.push_back({source.reflection(), refresh, false});
    }
  }
}

}  // namespace sallyport::gateway
