// How the gateway listens and what it lets in, as configured.
#ifndef SALLYPORT_GATEWAY_LISTENER_LISTEN_OPTIONS_H_
#define SALLYPORT_GATEWAY_LISTENER_LISTEN_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "policy/matching/network.h"
#include "sallyport/v1/config.pb.h"

namespace sallyport::gateway {

// gRPC asks connections to end at their age give or take this part of it.
inline constexpr double kConnectionAgeSpread = 0.1;

struct ListenOptions {
  std::vector<policy::Network> trusted_proxies;
  absl::Duration handshake = absl::Seconds(20);
  absl::Duration connection_age = absl::InfiniteDuration();
  absl::Duration connection_grace = absl::InfiniteDuration();
  bool open_health = false;         // callers of the health service need not prove anything
  size_t connections = 0;           // 0: as many as descriptors allow, within reason
  size_t connections_per_peer = 0;  // 0: half of all
  uint32_t calls_per_connection = 1000;
  uint64_t memory_bytes = 0;  // 0: as much as the machine allows

  // How long after its connection was accepted a call may still be open.
  absl::Duration LongestCall() const { return connection_age * (1 + kConnectionAgeSpread) + connection_grace; }
};

// Checks `listen` and the part of `limits` that is about connections, and tells `fault` what is wrong. `local` says
// whether everything that is listened on can be reached from this machine only.
ListenOptions CheckListenOptions(const v1::Listen& listen, const v1::Limits& limits, bool local,
                                 absl::FunctionRef<void(const std::string& key, absl::string_view problem)> fault);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_LISTEN_OPTIONS_H_
