// What the checks of all parts of a configuration have in common.
#ifndef SALLYPORT_GATEWAY_CONFIGURATION_CONFIGURATION_CHECK_H_
#define SALLYPORT_GATEWAY_CONFIGURATION_CONFIGURATION_CHECK_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/configuration.h"
#include "protos/faults.h"

namespace sallyport::gateway {

// One configuration while it is checked: what it says, what is wrong with it so far, and the options that come of it.
// Keys are paths, as in KeyLines. Lives for one check.
class ConfigurationCheck {
 public:
  // All of these outlive it.
  ConfigurationCheck(const v1::Config& config, const std::string& name, const KeyLines& lines, const FormFaults& form)
      : config_(config), faults_(name, lines, form) {}

  const v1::Config& config() const { return config_; }
  GatewayOptions& options() { return options_; }
  const Faults& faults() const { return faults_; }

  void Fail(const std::string& key, absl::string_view problem) { faults_.Add(key, problem); }
  // The same for the checks of other rooms.
  auto Fault() {
    return [this](const std::string& key, absl::string_view problem) { Fail(key, problem); };
  }

  // What a text says, or what `otherwise` does where it is empty. What is returned where it is wrong is of no use.
  uint64_t Size(const std::string& key, const std::string& text, const char* otherwise, uint64_t least, uint64_t most);
  absl::Duration Duration(const std::string& key, const std::string& text, const char* otherwise);
  // From a second on.
  absl::Duration DurationBetween(const std::string& key, const std::string& text, const char* otherwise,
                                 absl::Duration most);
  // A number of times a second; what `*rate` holds unless given.
  void Rate(const std::string& key, double given, double* rate);

  // What is in a file, which must hold PEM texts of this kind, such as "CERTIFICATE"; empty where no path is given.
  std::string PemFile(const std::string& key, const std::string& path, const char* kind, const char* thing);
  // The path, of such a file that is read later on.
  std::string ReadableFile(const std::string& key, const std::string& path, const char* kind, const char* thing);
  // That the path is one of a directory, or of one that can be made.
  void Directory(const std::string& key, const std::string& path);
  // That an upstream has this name.
  void UpstreamName(const std::string& key, const std::string& name);

 private:
  const v1::Config& config_;
  Faults faults_;
  GatewayOptions options_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_CONFIGURATION_CONFIGURATION_CHECK_H_
