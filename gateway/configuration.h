// The configuration as the gateway uses it: read, checked, and with its files loaded.
#ifndef SALLYPORT_GATEWAY_CONFIGURATION_H_
#define SALLYPORT_GATEWAY_CONFIGURATION_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/api/api_options.h"
#include "gateway/checkpoints/sinks.h"
#include "gateway/identity/identity_options.h"
#include "gateway/listener/listen_options.h"
#include "gateway/operations/events/events_options.h"
#include "gateway/operations/log/log_options.h"
#include "gateway/operations/tracing/tracing_options.h"
#include "gateway/relay/durability.h"
#include "gateway/relay/recording/refusal_limits.h"
#include "gateway/tls/server_tls.h"
#include "gateway/upstream/credentials/credentials_options.h"
#include "gateway/upstream/upstream.h"
#include "protos/yaml_message.h"
#include "recorder/keys/key_source.h"
#include "recorder/keys/sealed_view.h"
#include "recorder/recorder.h"
#include "sallyport/v1/config.pb.h"

namespace sallyport::gateway {

struct RouteOptions {
  v1::Route match;
  std::string upstream;
  absl::Duration default_deadline = absl::InfiniteDuration();
  absl::Duration most_deadline = absl::InfiniteDuration();
  absl::Duration idle = absl::InfiniteDuration();
  bool call_id_trailer = false;
};

struct ReflectionOptions {
  std::string upstream;
  absl::Duration refresh;
  bool optional = false;  // asked for by default, not by name
};

// How the gateway stops (sallyport.v1.Drain).
struct DrainOptions {
  absl::Duration delay = absl::ZeroDuration();
  absl::Duration timeout = absl::Seconds(10);
};

struct GatewayOptions {
  v1::Config source;                // what was checked
  std::string file;                 // where it came from, for messages
  KeyLines lines;                   // of it
  std::vector<std::string> listen;  // in gRPC's notation
  ListenOptions listen_options;
  std::optional<ServerTlsOptions> tls;
  std::string data_directory;
  std::optional<recorder::KeySource> keys;  // of what is recorded; beside the data directory unless given
  Durability durability = Durability::kCommit;
  uint64_t buffer_bytes = 0;
  uint64_t segment_bytes = 0;
  recorder::Retention retention;
  std::optional<recorder::RevealKey> reveal_key;
  IdentityOptions identity;
  std::string policy_file;  // empty for none
  std::vector<UpstreamOptions> upstreams;
  std::vector<RouteOptions> routes;
  std::vector<std::string> descriptor_files;
  // Where the configuration names each, for messages: "sallyport.yaml:7: descriptors[0].file".
  std::map<std::string, std::string> descriptor_places;
  std::vector<ReflectionOptions> reflection;
  uint64_t message_bytes = 0;
  uint64_t metadata_bytes = 0;
  uint32_t window = 1 << 20;  // of a stream and direction, beyond the message in hand
  absl::Duration caller_keepalive_time = absl::Seconds(15);
  absl::Duration caller_keepalive_timeout = absl::Seconds(10);
  absl::Duration session_idle;
  RefusalLimits refusals;
  CheckpointOptions checkpoints;
  std::string admin_address;  // "host:port"; empty for none
  std::optional<TokenSigningOptions> token_signing;
  std::optional<TracingOptions> tracing;
  LogOptions log;
  std::vector<EventReceiverOptions> events;
  DrainOptions drain;
  ApiOptions api;
};

// Checks what the schema cannot: sizes and durations, references between parts, files that must be readable. Fills in
// defaults. What is wrong with its form, `form`, is told with the rest. Errors are INVALID_ARGUMENT, "<name>:<line>:
// <key>: what is wrong and what is expected".
absl::StatusOr<GatewayOptions> CheckConfiguration(const v1::Config& config, const std::string& name,
                                                  const KeyLines& lines, const FormFaults& form = {});

// Reads a file and checks it.
absl::StatusOr<GatewayOptions> LoadConfiguration(const std::string& path);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_CONFIGURATION_H_
