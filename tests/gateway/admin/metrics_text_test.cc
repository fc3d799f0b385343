// The whole of what monitoring is told, as names and labels are to stay.
#include <catch2/catch.hpp>

#include "gateway/admin/metrics.h"

namespace sallyport::gateway {
namespace {

TEST_CASE("metrics in the text format, all of them") {
  GatewayNumbers numbers;
  recorder::RecorderStats& recorder = numbers.recorder.emplace();
  recorder.bytes_waiting = 1;
  recorder.entries_written = 123456789012;
  recorder.bytes_written = 9007199254740991;
  recorder.blocks_written = 4;
  recorder.calls_open = 5;
  recorder.sync_lag = absl::Milliseconds(125);
  recorder.calls_refused = 6;
  recorder.tree_size = 8;
  recorder.keys = absl::UnavailableError("no key");
  recorder.damages = 9;
  recorder.retention_exceeded_bytes = 10;
  recorder.descriptors_not_kept = 11;
  numbers.detections = {
      {"(metadata)", "us_ssn", 1'000'000}, {"a.B.c", "odd\"na\\me\n", 3}, {"a.B.c", "payment_card", 2}};
  numbers.refusals.by_reason = {1, 2, 3, 4, 5};
  numbers.refusals.only_counted = 6;
  numbers.listener = {1, 16384, 3, 4294967296, 5};
  numbers.upstreams = {{"etcd", 1}, {"o\"d\\d\n", 2}};
  numbers.odd_settings = 2;
  numbers.events = {{"disk", 7, 0, absl::ZeroDuration(), 0}, {"siem", 5, 2, absl::Milliseconds(1500), 4096}};
  CHECK(MetricsText(numbers) == R"text(# HELP sallyport_recording 1 where calls are recorded, 0 with durability off.
# TYPE sallyport_recording gauge
sallyport_recording 1
# HELP sallyport_recorder_damaged_places Places in the log that were found damaged at the start.
# TYPE sallyport_recorder_damaged_places gauge
sallyport_recorder_damaged_places 9
# HELP sallyport_recorder_index_ok 1 while the index is kept up to date, 0 until the next start if not.
# TYPE sallyport_recorder_index_ok gauge
sallyport_recorder_index_ok 1
# HELP sallyport_recorder_keys_ok 1 while new segments can be sealed with keys of their own.
# TYPE sallyport_recorder_keys_ok gauge
sallyport_recorder_keys_ok 0
# HELP sallyport_recorder_checkpoints_ok 1 while checkpoints are signed.
# TYPE sallyport_recorder_checkpoints_ok gauge
sallyport_recorder_checkpoints_ok 1
# HELP sallyport_recorder_calls_refused_total Calls refused for want of disk space.
# TYPE sallyport_recorder_calls_refused_total counter
sallyport_recorder_calls_refused_total 6
# HELP sallyport_recorder_retention_exceeded_bytes How much larger than retention_size the log is, because the rest is too young, held or damaged.
# TYPE sallyport_recorder_retention_exceeded_bytes gauge
sallyport_recorder_retention_exceeded_bytes 10
# HELP sallyport_recorder_descriptors_refused_total Reflected descriptors that were not kept, for there are too many already.
# TYPE sallyport_recorder_descriptors_refused_total counter
sallyport_recorder_descriptors_refused_total 11
# HELP sallyport_recorder_calls_open Calls that have started and not ended.
# TYPE sallyport_recorder_calls_open gauge
sallyport_recorder_calls_open 5
# HELP sallyport_recorder_waiting_bytes Taken in and not yet written.
# TYPE sallyport_recorder_waiting_bytes gauge
sallyport_recorder_waiting_bytes 1
# HELP sallyport_recorder_sync_lag_seconds Age of the oldest entry that is not yet synced.
# TYPE sallyport_recorder_sync_lag_seconds gauge
sallyport_recorder_sync_lag_seconds 0.125
# HELP sallyport_recorder_entries_written_total Entries written to the log.
# TYPE sallyport_recorder_entries_written_total counter
sallyport_recorder_entries_written_total 123456789012
# HELP sallyport_recorder_written_bytes_total Bytes written to the log.
# TYPE sallyport_recorder_written_bytes_total counter
sallyport_recorder_written_bytes_total 9007199254740991
# HELP sallyport_recorder_blocks_written_total Blocks written to the log: group commits.
# TYPE sallyport_recorder_blocks_written_total counter
sallyport_recorder_blocks_written_total 4
# HELP sallyport_recorder_tree_size Leaves of the last checkpoint that was signed.
# TYPE sallyport_recorder_tree_size gauge
sallyport_recorder_tree_size 8
# HELP sallyport_settings_odd Settings that have no effect, or another one than it seems; the log says which.
# TYPE sallyport_settings_odd gauge
sallyport_settings_odd 2
# HELP sallyport_reloads_total Times that settings were read again, by what became of it.
# TYPE sallyport_reloads_total counter
sallyport_reloads_total{result="taken"} 0
sallyport_reloads_total{result="refused"} 0
# HELP sallyport_reload_ok 1 while the settings that were read last are in force.
# TYPE sallyport_reload_ok gauge
sallyport_reload_ok 1
# HELP sallyport_draining 1 once the gateway is about to stop.
# TYPE sallyport_draining gauge
sallyport_draining 0
# HELP sallyport_former_servers Servers with former settings that callers have not left yet.
# TYPE sallyport_former_servers gauge
sallyport_former_servers 0
# HELP sallyport_connections_open Callers' connections.
# TYPE sallyport_connections_open gauge
sallyport_connections_open 1
# HELP sallyport_connections_most Callers' connections that may be open.
# TYPE sallyport_connections_most gauge
sallyport_connections_most 16384
# HELP sallyport_connections_refused_total Connections closed for a limit or for what came first.
# TYPE sallyport_connections_refused_total counter
sallyport_connections_refused_total 3
# HELP sallyport_memory_used_bytes What counts towards limits.memory.
# TYPE sallyport_memory_used_bytes gauge
sallyport_memory_used_bytes 4294967296
# HELP sallyport_memory_budget_bytes New calls are refused beyond.
# TYPE sallyport_memory_budget_bytes gauge
sallyport_memory_budget_bytes 5
# HELP sallyport_upstream_calls_sent_again_total Attempts at calls that the upstream had not processed before.
# TYPE sallyport_upstream_calls_sent_again_total counter
sallyport_upstream_calls_sent_again_total{upstream="etcd"} 1
sallyport_upstream_calls_sent_again_total{upstream="o\"d\\d\n"} 2
# HELP sallyport_masks_detections_total What detectors found for masks, by field and detector.
# TYPE sallyport_masks_detections_total counter
sallyport_masks_detections_total{field="(metadata)",detector="us_ssn"} 1000000
sallyport_masks_detections_total{field="a.B.c",detector="odd\"na\\me\n"} 3
sallyport_masks_detections_total{field="a.B.c",detector="payment_card"} 2
# HELP sallyport_refused_calls_total Calls that ended before anybody was proved, by reason.
# TYPE sallyport_refused_calls_total counter
sallyport_refused_calls_total{reason="malformed"} 1
sallyport_refused_calls_total{reason="unauthenticated"} 2
sallyport_refused_calls_total{reason="proof_not_checked"} 3
sallyport_refused_calls_total{reason="too_many"} 4
sallyport_refused_calls_total{reason="caller_gone"} 5
sallyport_refused_calls_total{reason="no_role"} 0
# HELP sallyport_refused_calls_only_counted_total Of these, those that are recorded only as one of a number.
# TYPE sallyport_refused_calls_only_counted_total counter
sallyport_refused_calls_only_counted_total 6
# HELP sallyport_events_lag_seconds Age of the oldest event that a receiver is not known to have taken.
# TYPE sallyport_events_lag_seconds gauge
sallyport_events_lag_seconds{receiver="disk"} 0
sallyport_events_lag_seconds{receiver="siem"} 1.5
# HELP sallyport_events_lag_bytes About how many bytes of the log lie behind that event.
# TYPE sallyport_events_lag_bytes gauge
sallyport_events_lag_bytes{receiver="disk"} 0
sallyport_events_lag_bytes{receiver="siem"} 4096
# HELP sallyport_events_sent_total Events handed over to a receiver; one sent again counts again.
# TYPE sallyport_events_sent_total counter
sallyport_events_sent_total{receiver="disk"} 7
sallyport_events_sent_total{receiver="siem"} 5
# HELP sallyport_events_failures_total Times that a receiver did not take events.
# TYPE sallyport_events_failures_total counter
sallyport_events_failures_total{receiver="disk"} 0
sallyport_events_failures_total{receiver="siem"} 2
)text");
}

TEST_CASE("metrics of a gateway that records nothing and that nobody has called") {
  CHECK(MetricsText({}) == R"text(# HELP sallyport_recording 1 where calls are recorded, 0 with durability off.
# TYPE sallyport_recording gauge
sallyport_recording 0
# HELP sallyport_settings_odd Settings that have no effect, or another one than it seems; the log says which.
# TYPE sallyport_settings_odd gauge
sallyport_settings_odd 0
# HELP sallyport_reloads_total Times that settings were read again, by what became of it.
# TYPE sallyport_reloads_total counter
sallyport_reloads_total{result="taken"} 0
sallyport_reloads_total{result="refused"} 0
# HELP sallyport_reload_ok 1 while the settings that were read last are in force.
# TYPE sallyport_reload_ok gauge
sallyport_reload_ok 1
# HELP sallyport_draining 1 once the gateway is about to stop.
# TYPE sallyport_draining gauge
sallyport_draining 0
# HELP sallyport_former_servers Servers with former settings that callers have not left yet.
# TYPE sallyport_former_servers gauge
sallyport_former_servers 0
# HELP sallyport_connections_open Callers' connections.
# TYPE sallyport_connections_open gauge
sallyport_connections_open 0
# HELP sallyport_connections_most Callers' connections that may be open.
# TYPE sallyport_connections_most gauge
sallyport_connections_most 0
# HELP sallyport_connections_refused_total Connections closed for a limit or for what came first.
# TYPE sallyport_connections_refused_total counter
sallyport_connections_refused_total 0
# HELP sallyport_memory_used_bytes What counts towards limits.memory.
# TYPE sallyport_memory_used_bytes gauge
sallyport_memory_used_bytes 0
# HELP sallyport_memory_budget_bytes New calls are refused beyond.
# TYPE sallyport_memory_budget_bytes gauge
sallyport_memory_budget_bytes 0
# HELP sallyport_upstream_calls_sent_again_total Attempts at calls that the upstream had not processed before.
# TYPE sallyport_upstream_calls_sent_again_total counter
# HELP sallyport_masks_detections_total What detectors found for masks, by field and detector.
# TYPE sallyport_masks_detections_total counter
# HELP sallyport_refused_calls_total Calls that ended before anybody was proved, by reason.
# TYPE sallyport_refused_calls_total counter
sallyport_refused_calls_total{reason="malformed"} 0
sallyport_refused_calls_total{reason="unauthenticated"} 0
sallyport_refused_calls_total{reason="proof_not_checked"} 0
sallyport_refused_calls_total{reason="too_many"} 0
sallyport_refused_calls_total{reason="caller_gone"} 0
sallyport_refused_calls_total{reason="no_role"} 0
# HELP sallyport_refused_calls_only_counted_total Of these, those that are recorded only as one of a number.
# TYPE sallyport_refused_calls_only_counted_total counter
sallyport_refused_calls_only_counted_total 0
# HELP sallyport_events_lag_seconds Age of the oldest event that a receiver is not known to have taken.
# TYPE sallyport_events_lag_seconds gauge
# HELP sallyport_events_lag_bytes About how many bytes of the log lie behind that event.
# TYPE sallyport_events_lag_bytes gauge
# HELP sallyport_events_sent_total Events handed over to a receiver; one sent again counts again.
# TYPE sallyport_events_sent_total counter
# HELP sallyport_events_failures_total Times that a receiver did not take events.
# TYPE sallyport_events_failures_total counter
)text");
}

}  // namespace
}  // namespace sallyport::gateway
