// What of calls goes to others than caller, upstream and record: traces, and lines of the log.
#include <memory>

#include "gateway/gateway.h"
#include "gateway/operations/log/call_log.h"
#include "gateway/operations/tracing/tracer.h"

namespace sallyport::gateway {

void Gateway::AddReports(const GatewayOptions& options, CallRules& rules) const {
  if (options.log.calls != LogOptions::Calls::kOff) rules.call_log = std::make_shared<CallLog>(options.log);
  if (!options.tracing.has_value()) return;
  const std::shared_ptr<const CallRules> present = rules_ == nullptr ? nullptr : rules_->Get();
  if (present != nullptr && present->tracer != nullptr && present->tracer->options() == *options.tracing) {
    rules.tracer = present->tracer;
    return;
  }
  rules.tracer = std::make_shared<Tracer>(*options.tracing);
}

}  // namespace sallyport::gateway
