#include "gateway/listener/listen_options.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "protos/quantities.h"

namespace sallyport::gateway {
namespace {

using Fault = absl::FunctionRef<void(const std::string& key, absl::string_view problem)>;

constexpr uint64_t kLeastMemory = uint64_t{64} << 20;

// `value` stays where nothing is given.
void CheckDuration(const std::string& key, const std::string& text, absl::Duration least, absl::Duration most,
                   absl::Duration& value, Fault fault) {
  if (text.empty()) return;
  const absl::StatusOr<absl::Duration> duration = ParseDuration(text);
  if (!duration.ok()) return fault(key, duration.status().message());
  if (*duration < least || *duration > most) {
    return fault(
        key, absl::StrCat(text, " is not between ", absl::FormatDuration(least), " and ", absl::FormatDuration(most)));
  }
  value = *duration;
}

}  // namespace

ListenOptions CheckListenOptions(const v1::Listen& listen, const v1::Limits& limits, bool local, Fault fault) {
  ListenOptions options;
  for (int i = 0; i < listen.trusted_proxies_size(); ++i) {
    const std::string key = absl::StrCat("listen.trusted_proxies[", i, "]");
    const absl::StatusOr<policy::Network> network = policy::ParseNetwork(listen.trusted_proxies(i));
    if (!network.ok()) {
      fault(key, network.status().message());
      continue;
    }
    if (network->kind == policy::AddressKind::kUnix && listen.has_tls()) {
      fault(key, "cannot be unix with listen.tls: gRPC does not tell such connections apart");
    }
    options.trusted_proxies.push_back(*network);
  }
  CheckDuration("listen.handshake_timeout", listen.handshake_timeout(), absl::Seconds(1), absl::Minutes(10),
                options.handshake, fault);
  CheckDuration("listen.max_connection_age", listen.max_connection_age(), absl::Seconds(1), absl::Hours(24 * 24),
                options.connection_age, fault);
  CheckDuration("listen.max_connection_age_grace", listen.max_connection_age_grace(), absl::ZeroDuration(),
                absl::Hours(24 * 24), options.connection_grace, fault);
  if (!listen.max_connection_age_grace().empty() && listen.max_connection_age().empty()) {
    fault("listen.max_connection_age_grace", "means nothing without max_connection_age");
  }
  options.open_health = listen.health() == v1::Listen::open || (listen.health() == v1::Listen::by_address && local);
  options.connections = limits.connections();
  options.connections_per_peer = limits.connections_per_peer();
  if (options.connections > 0 && options.connections_per_peer > options.connections) {
    fault("limits.connections_per_peer", "is more than limits.connections");
  }
  if (limits.calls_per_connection() > 0) options.calls_per_connection = limits.calls_per_connection();
  if (!limits.memory().empty()) {
    const absl::StatusOr<uint64_t> memory = ParseSize(limits.memory());
    if (!memory.ok()) {
      fault("limits.memory", memory.status().message());
    } else if (*memory < kLeastMemory) {
      fault("limits.memory", absl::StrCat(limits.memory(), " is too little: at least ", kLeastMemory, " bytes"));
    } else {
      options.memory_bytes = *memory;
    }
  }
  return options;
}

}  // namespace sallyport::gateway
