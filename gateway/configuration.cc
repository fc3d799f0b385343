#include "gateway/configuration.h"

#include <utility>

#include "gateway/configuration/sections.h"

namespace sallyport::gateway {

absl::StatusOr<GatewayOptions> CheckConfiguration(const v1::Config& config, const std::string& name,
                                                  const KeyLines& lines, const FormFaults& form) {
  ConfigurationCheck check(config, name, lines, form);
  CheckListen(check);
  CheckIdentityAndPolicy(check);
  CheckData(check);
  CheckLimits(check);
  CheckAdmin(check);
  CheckUpstreams(check);
  CheckRoutes(check);
  CheckDescriptors(check);
  CheckCheckpoints(check);
  CheckTracing(check);
  CheckLog(check);
  CheckEvents(check);
  CheckDrain(check);
  CheckApi(check);
  if (absl::Status status = check.faults().status(); !status.ok()) return status;
  GatewayOptions options = std::move(check.options());
  options.source = config;
  options.file = name;
  options.lines = lines;
  return options;
}

absl::StatusOr<GatewayOptions> LoadConfiguration(const std::string& path) {
  v1::Config config;
  KeyLines lines;
  FormFaults form;
  if (absl::Status status = ReadYamlFile(path, &config, &lines, &form); !status.ok()) return status;
  return CheckConfiguration(config, path, lines, form);
}

}  // namespace sallyport::gateway
