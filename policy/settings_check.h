// What settings say that means nothing.
#ifndef SALLYPORT_POLICY_SETTINGS_CHECK_H_
#define SALLYPORT_POLICY_SETTINGS_CHECK_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "policy/descriptors/descriptors.h"
#include "policy/policy.h"
#include "policy/policy_check.h"
#include "protos/yaml_message.h"
#include "sallyport/v1/config.pb.h"

namespace sallyport::policy {

// What is odd about the configuration, and is found by those who read the files that it names.
struct Remark {
  std::string key;  // of the configuration; empty for what it does not name
  std::string text;
};

// What is known of a gateway's settings. What is missing is not checked.
struct Settings {
  const Policy* policy = nullptr;
  std::string policy_file;  // for messages, as is config_file
  const v1::Config* config = nullptr;
  std::string config_file;
  const KeyLines* config_lines = nullptr;  // with config
  std::vector<Remark> remarks;
  // All sets that calls may be read with; empty if there are none, or not all are known yet.
  std::vector<std::shared_ptr<const Descriptors>> descriptors;
  // Whether calls of a method that a glob matches were recorded lately; may be null.
  std::function<bool(const std::string& glob)> called;
};

// What to say of a file of descriptors of which something was left out: with the key that names it in the
// configuration.
Remark LeftOut(const v1::Config& config, const std::string& descriptor_file, const std::string& what);

// Everything that is without fault and has no effect, or another one than it seems: what CheckPolicy, CheckIssuers and
// CheckFields say, methods that nobody has, upstreams that the policy names and the configuration has not, routes that
// no call reaches, upstreams that no route leads to, and the remarks. In the order of files and lines. For people: may
// take some tenths of a second.
std::vector<PolicyWarning> CheckSettings(const Settings& settings);

// "<file>:<line>: rule "<name>": <text>", without what is not known.
std::string WarningText(const PolicyWarning& warning);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_SETTINGS_CHECK_H_
