// `limits`, but for those of connections, and `sessions`.
#include "gateway/configuration/sections.h"
#include "gateway/stream_windows.h"

namespace sallyport::gateway {
namespace {

constexpr char kDefaultMessageSize[] = "64MiB";
constexpr char kDefaultMetadataSize[] = "64KiB";
constexpr char kDefaultWindow[] = "1MiB";
constexpr char kDefaultRefusalsSize[] = "1GiB";
constexpr char kDefaultSessionIdle[] = "30m";

void CheckRefusals(ConfigurationCheck& check) {
  GatewayOptions& options = check.options();
  const v1::Refusals& refusals = check.config().limits().refusals();
  check.Rate("limits.refusals.per_peer", refusals.per_peer(), &options.refusals.per_peer);
  check.Rate("limits.refusals.recorded", refusals.recorded(), &options.refusals.recorded);
  options.refusals.daily_bytes = check.Size("limits.refusals.daily_size", refusals.daily_size(), kDefaultRefusalsSize,
                                            16 << 20, uint64_t{1} << 50);
}

}  // namespace

void CheckLimits(ConfigurationCheck& check) {
  const v1::Config& config = check.config();
  GatewayOptions& options = check.options();
  // A frame must fit into one block of the log, which holds 1 GiB (recorder/FORMAT.md).
  uint64_t most = uint64_t{1000} << 20;
  options.message_bytes =
      check.Size("limits.message_size", config.limits().message_size(), kDefaultMessageSize, 1, most);
  options.metadata_bytes =
      check.Size("limits.metadata_size", config.limits().metadata_size(), kDefaultMetadataSize, 1024, 64 << 20);
  options.window = static_cast<uint32_t>(
      check.Size("limits.window", config.limits().window(), kDefaultWindow, kLeastWindow, kMostWindow));
  options.session_idle = check.Duration("sessions.idle", config.sessions().idle(), kDefaultSessionIdle);
  CheckRefusals(check);
}

}  // namespace sallyport::gateway
