// A configuration that may be shown to strangers.
#ifndef SALLYPORT_POLICY_CHANGES_SHOWN_CONFIGURATION_H_
#define SALLYPORT_POLICY_CHANGES_SHOWN_CONFIGURATION_H_

#include <string>

#include "sallyport/v1/config.pb.h"

namespace sallyport::policy {

// The settings that are set, a line each. Numbers, choices, and those texts that a list names as harmless, such as
// paths and durations, are shown; of all others only that they are set. What is not known to be harmless is not.
std::string ShownConfiguration(const v1::Config& config);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CHANGES_SHOWN_CONFIGURATION_H_
