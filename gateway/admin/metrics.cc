#include "gateway/admin/metrics.h"

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gateway/operations/metrics/metric_families.h"

namespace sallyport::gateway {
namespace {

using Type = MetricFamilies::Type;

void AddRecorder(MetricFamilies& metrics, const recorder::RecorderStats& stats) {
  metrics.Gauge("sallyport_recorder_damaged_places", "Places in the log that were found damaged at the start.",
                stats.damages);
  metrics.Gauge("sallyport_recorder_index_ok", "1 while the index is kept up to date, 0 until the next start if not.",
                stats.index.ok() ? 1 : 0);
  metrics.Gauge("sallyport_recorder_keys_ok", "1 while new segments can be sealed with keys of their own.",
                stats.keys.ok() ? 1 : 0);
  metrics.Gauge("sallyport_recorder_checkpoints_ok", "1 while checkpoints are signed.", stats.checkpoints.ok() ? 1 : 0);
  metrics.Counter("sallyport_recorder_calls_refused_total", "Calls refused for want of disk space.",
                  stats.calls_refused);
  metrics.Gauge("sallyport_recorder_retention_exceeded_bytes",
                "How much larger than retention_size the log is, because the rest is too young, held or damaged.",
                stats.retention_exceeded_bytes);
  metrics.Counter("sallyport_recorder_descriptors_refused_total",
                  "Reflected descriptors that were not kept, for there are too many already.",
                  stats.descriptors_not_kept);
  metrics.Gauge("sallyport_recorder_calls_open", "Calls that have started and not ended.", stats.calls_open);
  metrics.Gauge("sallyport_recorder_waiting_bytes", "Taken in and not yet written.", stats.bytes_waiting);
  metrics.Gauge("sallyport_recorder_sync_lag_seconds", "Age of the oldest entry that is not yet synced.",
                absl::ToDoubleSeconds(stats.sync_lag));
  metrics.Counter("sallyport_recorder_entries_written_total", "Entries written to the log.", stats.entries_written);
  metrics.Counter("sallyport_recorder_written_bytes_total", "Bytes written to the log.", stats.bytes_written);
  metrics.Counter("sallyport_recorder_blocks_written_total", "Blocks written to the log: group commits.",
                  stats.blocks_written);
  metrics.Gauge("sallyport_recorder_tree_size", "Leaves of the last checkpoint that was signed.", stats.tree_size);
}

void AddListener(MetricFamilies& metrics, const ListenerNumbers& listener) {
  metrics.Gauge("sallyport_connections_open", "Callers' connections.", listener.connections);
  metrics.Gauge("sallyport_connections_most", "Callers' connections that may be open.", listener.most_connections);
  metrics.Counter("sallyport_connections_refused_total", "Connections closed for a limit or for what came first.",
                  listener.connections_refused);
  metrics.Gauge("sallyport_memory_used_bytes", "What counts towards limits.memory.", listener.memory_used);
  metrics.Gauge("sallyport_memory_budget_bytes", "New calls are refused beyond.", listener.memory_budget);
}

void AddRefusals(MetricFamilies& metrics, const RefusalCounts& refusals) {
  metrics.Begin("sallyport_refused_calls_total", "Calls that ended before anybody was proved, by reason.",
                Type::Counter);
  for (size_t i = 0; i < kRefusalReasons; ++i) {
    metrics.Add({{"reason", RefusalReasonName(static_cast<RefusalReason>(i))}}, refusals.by_reason[i]);
  }
  metrics.Counter("sallyport_refused_calls_only_counted_total",
                  "Of these, those that are recorded only as one of a number.", refusals.only_counted);
}

void AddEvents(MetricFamilies& metrics, const std::vector<EventStreamNumbers>& receivers) {
  metrics.Begin("sallyport_events_lag_seconds", "Age of the oldest event that a receiver is not known to have taken.",
                Type::Gauge);
  for (const EventStreamNumbers& receiver : receivers) {
    metrics.Add({{"receiver", receiver.receiver}}, absl::ToDoubleSeconds(receiver.lag));
  }
  metrics.Begin("sallyport_events_lag_bytes", "About how many bytes of the log lie behind that event.", Type::Gauge);
  for (const EventStreamNumbers& receiver : receivers) {
    metrics.Add({{"receiver", receiver.receiver}}, receiver.lag_bytes);
  }
  metrics.Begin("sallyport_events_sent_total", "Events handed over to a receiver; one sent again counts again.",
                Type::Counter);
  for (const EventStreamNumbers& receiver : receivers) {
    metrics.Add({{"receiver", receiver.receiver}}, receiver.sent);
  }
  metrics.Begin("sallyport_events_failures_total", "Times that a receiver did not take events.", Type::Counter);
  for (const EventStreamNumbers& receiver : receivers) {
    metrics.Add({{"receiver", receiver.receiver}}, receiver.failures);
  }
}

void AddLifetime(MetricFamilies& metrics, const LifetimeNumbers& lifetime) {
  metrics.Begin("sallyport_reloads_total", "Times that settings were read again, by what became of it.", Type::Counter);
  metrics.Add({{"result", "taken"}}, lifetime.reloads_taken);
  metrics.Add({{"result", "refused"}}, lifetime.reloads_refused);
  metrics.Gauge("sallyport_reload_ok", "1 while the settings that were read last are in force.",
                lifetime.reload_ok ? 1 : 0);
  metrics.Gauge("sallyport_draining", "1 once the gateway is about to stop.", lifetime.draining ? 1 : 0);
  metrics.Gauge("sallyport_former_servers", "Servers with former settings that callers have not left yet.",
                lifetime.former_servers);
}

}  // namespace

std::string MetricsText(const GatewayNumbers& numbers) {
  MetricFamilies metrics;
  metrics.Gauge("sallyport_recording", "1 where calls are recorded, 0 with durability off.",
                numbers.recorder.has_value() ? 1 : 0);
  if (numbers.recorder.has_value()) AddRecorder(metrics, *numbers.recorder);
  metrics.Gauge("sallyport_settings_odd",
                "Settings that have no effect, or another one than it seems; the log says which.",
                numbers.odd_settings);
  AddLifetime(metrics, numbers.lifetime);
  AddListener(metrics, numbers.listener);
  metrics.Begin("sallyport_upstream_calls_sent_again_total",
                "Attempts at calls that the upstream had not processed before.", Type::Counter);
  for (const UpstreamNumbers& upstream : numbers.upstreams) {
    metrics.Add({{"upstream", upstream.name}}, upstream.calls_sent_again);
  }
  metrics.Begin("sallyport_masks_detections_total", "What detectors found for masks, by field and detector.",
                Type::Counter);
  for (const policy::DetectionCounts::Count& count : numbers.detections) {
    metrics.Add({{"field", count.place}, {"detector", count.detector}}, count.finds);
  }
  AddRefusals(metrics, numbers.refusals);
  if (numbers.spans.has_value()) {
    metrics.Counter("sallyport_trace_spans_exported_total", "Spans that the collector took.", numbers.spans->exported);
    metrics.Counter("sallyport_trace_spans_dropped_total",
                    "Spans that were dropped, because the collector was away or slow, or did not take them.",
                    numbers.spans->dropped);
  }
  AddEvents(metrics, numbers.events);
  return metrics.Text();
}

}  // namespace sallyport::gateway
