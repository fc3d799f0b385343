// The checks of the parts of a configuration, a file each.
#ifndef SALLYPORT_GATEWAY_CONFIGURATION_SECTIONS_H_
#define SALLYPORT_GATEWAY_CONFIGURATION_SECTIONS_H_

#include "gateway/configuration/configuration_check.h"

namespace sallyport::gateway {

// Each checks its part, tells what is wrong with it, and puts what it says into the options, with defaults filled in.
// In the order in which they stand here, for some look at what others have put there.
void CheckListen(ConfigurationCheck& check);
void CheckIdentityAndPolicy(ConfigurationCheck& check);
void CheckData(ConfigurationCheck& check);
void CheckLimits(ConfigurationCheck& check);
void CheckAdmin(ConfigurationCheck& check);
void CheckUpstreams(ConfigurationCheck& check);
void CheckRoutes(ConfigurationCheck& check);
void CheckDescriptors(ConfigurationCheck& check);
void CheckCheckpoints(ConfigurationCheck& check);
void CheckTracing(ConfigurationCheck& check);
void CheckLog(ConfigurationCheck& check);
void CheckEvents(ConfigurationCheck& check);
void CheckDrain(ConfigurationCheck& check);
void CheckApi(ConfigurationCheck& check);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_CONFIGURATION_SECTIONS_H_
