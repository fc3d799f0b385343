// What differs between two configurations.
#ifndef SALLYPORT_POLICY_CHANGES_CONFIGURATION_CHANGES_H_
#define SALLYPORT_POLICY_CHANGES_CONFIGURATION_CHANGES_H_

#include <string>
#include <vector>

#include "sallyport/v1/config.pb.h"
#include "sallyport/v1/control.pb.h"

namespace sallyport::policy {

// Each key that differs, in the order of the configuration's parts: "limits.window", "upstreams.etcd.target",
// "routes[2].idle"; of a list that has become longer or shorter, the list. Says which only count from a start on.
// Values are shown of parts that hold nothing worth hiding: of `listen`, `limits`, `sessions`, `admin`, `policy` and
// `drain`. Files that a configuration names may have changed without it.
std::vector<v1::ConfigurationChange> ConfigurationChanges(const v1::Config& before, const v1::Config& after);

// One line: "limits.window: 1MiB -> 2MiB", "data.keys (waits for the next start)".
std::string ChangeText(const v1::ConfigurationChange& change);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CHANGES_CONFIGURATION_CHANGES_H_
