// What one call adds to the gateway's numbers.
#ifndef SALLYPORT_GATEWAY_RELAY_CALL_METER_H_
#define SALLYPORT_GATEWAY_RELAY_CALL_METER_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/operations/metrics/call_metrics.h"
#include "gateway/relay/call.h"
#include "gateway/relay/call_context.h"
#include "gateway/relay/relay_context.h"

namespace sallyport::gateway {

// Names of the stages, by their places in CallContext::stage_took.
std::vector<std::string> StageNames();

// Lives as long as its call. What concerns the caller and what concerns the upstream may come on two threads at once;
// within each, in order. Where nothing is counted, as in tests of other things, it does nothing.
class CallMeter {
 public:
  // Both outlive it.
  CallMeter(const RelayContext& shared, const CallContext& call) : shared_(shared), call_(call) {}
  CallMeter(const CallMeter&) = delete;
  CallMeter& operator=(const CallMeter&) = delete;

  // The call's admission is over, however it came out. Once, before everything else but End.
  void Admitted();
  // A call to the upstream is opened, at most once.
  void UpstreamOpened();
  // It is over, after `sent` messages to it and `received` from it.
  void UpstreamDone(int code, uint64_t sent, uint64_t received);
  // The call is over, and its caller is told `outcome`, with `details` if that is of the gateway's own. Once for every
  // call, admitted or not, before the caller can know of it.
  void End(const Call::Outcome& outcome, std::string_view details, uint64_t received, uint64_t sent);

 private:
  // What a descriptor says of the method, if one knows it.
  std::optional<CallType> Type() const;
  void CountRefusal(int code, std::string_view details);

  const RelayContext& shared_;
  const CallContext& call_;
  std::optional<CallType> type_;  // as it was found when the call was admitted
  MethodCounts* incoming_ = nullptr;
  MethodCounts* outgoing_ = nullptr;
  std::chrono::steady_clock::time_point upstream_opened_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_CALL_METER_H_
