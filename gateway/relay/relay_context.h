// What all calls share.
#ifndef SALLYPORT_GATEWAY_RELAY_RELAY_CONTEXT_H_
#define SALLYPORT_GATEWAY_RELAY_RELAY_CONTEXT_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "gateway/relay/durability.h"
#include "recorder/keys/sealed_view.h"

namespace sallyport::recorder {
class Recorder;
}

namespace sallyport::gateway {

class CallMetrics;
class CallTimer;
class Connections;
class CurrentRules;
class HeadersTimer;
class MemoryBudget;
class MethodCatalog;
class MisdescribedMethods;
class OpenCalls;
class OwnServices;
class ReflectionRefresher;
class RefusalFlood;
class Sessions;

// Constant after construction. What it points to is thread-safe and outlives the calls.
struct RelayContext {
  recorder::Recorder* recorder = nullptr;  // null if durability is kOff
  Durability durability = Durability::kCommit;
  const CurrentRules* rules = nullptr;
  const MethodCatalog* catalog = nullptr;
  ReflectionRefresher* refresher = nullptr;
  OwnServices* own = nullptr;
  Sessions* sessions = nullptr;
  RefusalFlood* refusals = nullptr;
  HeadersTimer* headers_timer = nullptr;
  CallTimer* timer = nullptr;
  OpenCalls* open_calls = nullptr;
  MisdescribedMethods* misdescribed = nullptr;
  const recorder::RevealKey* reveal_key = nullptr;  // null if there is none
  size_t most_message_bytes = 0;                    // inflated
  const Connections* connections = nullptr;
  MemoryBudget* memory = nullptr;
  CallMetrics* metrics = nullptr;  // null where nothing is counted
  uint32_t calls_per_connection = 0;
  absl::Duration connection_life = absl::InfiniteDuration();  // after which calls over a connection are ended
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_RELAY_CONTEXT_H_
