#include "gateway/admin/metrics.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"

namespace sallyport::gateway {
namespace {

std::string LabelValue(const std::string& text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}});
}

class MetricsWriter {
 public:
  template <typename Value>
  void Counter(const char* name, const char* help, Value value) {
    Add(name, help, "counter", value);
  }
  template <typename Value>
  void Gauge(const char* name, const char* help, Value value) {
    Add(name, help, "gauge", value);
  }
  // One for each set of labels.
  void Counters(const char* name, const char* help, const std::vector<std::pair<std::string, uint64_t>>& values) {
    absl::StrAppend(&text_, "# HELP ", name, " ", help, "\n# TYPE ", name, " counter\n");
    for (const auto& [labels, value] : values) absl::StrAppend(&text_, name, "{", labels, "} ", value, "\n");
  }
  std::string Take() { return std::move(text_); }

 private:
  template <typename Value>
  void Add(const char* name, const char* help, const char* type, Value value) {
    absl::StrAppend(&text_, "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n", name, " ", value, "\n");
  }

  std::string text_;
};

void AddRecorder(MetricsWriter& metrics, const recorder::RecorderStats& stats) {
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
                  stats.descriptors_refused);
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

void AddListener(MetricsWriter& metrics, const ListenerNumbers& listener) {
  metrics.Gauge("sallyport_connections_open", "Callers' connections.", listener.connections);
  metrics.Gauge("sallyport_connections_most", "Callers' connections that may be open.", listener.most_connections);
  metrics.Counter("sallyport_connections_refused_total", "Connections closed for a limit or for what came first.",
                  listener.connections_refused);
  metrics.Gauge("sallyport_memory_used_bytes", "What counts towards limits.memory.", listener.memory_used);
  metrics.Gauge("sallyport_memory_budget_bytes", "New calls are refused beyond.", listener.memory_budget);
}

void AddRefusals(MetricsWriter& metrics, const RefusalCounts& refusals) {
  std::vector<std::pair<std::string, uint64_t>> refused;
  for (size_t i = 0; i < kRefusalReasons; ++i) {
    refused.emplace_back(absl::StrCat("reason=\"", RefusalReasonName(static_cast<RefusalReason>(i)), "\""),
                         refusals.by_reason[i]);
  }
  metrics.Counters("sallyport_refused_calls_total", "Calls that ended before anybody was proved, by reason.", refused);
  metrics.Counter("sallyport_refused_calls_only_counted_total",
                  "Of these, those that are recorded only as one of a number.", refusals.only_counted);
}

}  // namespace

std::string MetricsText(const recorder::Recorder* recorder, const policy::DetectionCounts& detections,
                        const RefusalCounts& refusals, const ListenerNumbers& listener,
                        absl::Span<const UpstreamNumbers> upstreams, size_t odd_settings) {
  MetricsWriter metrics;
  metrics.Gauge("sallyport_recording", "1 where calls are recorded, 0 with durability off.",
                recorder != nullptr ? 1 : 0);
  if (recorder != nullptr) AddRecorder(metrics, recorder->Stats());
  metrics.Gauge("sallyport_settings_odd",
                "Settings that have no effect, or another one than it seems; the log says which.", odd_settings);
  AddListener(metrics, listener);
  std::vector<std::pair<std::string, uint64_t>> sent_again;
  for (const UpstreamNumbers& upstream : upstreams) {
    sent_again.emplace_back(absl::StrCat("upstream=\"", LabelValue(upstream.name), "\""), upstream.calls_sent_again);
  }
  metrics.Counters("sallyport_upstream_calls_sent_again_total",
                   "Attempts at calls that the upstream had not processed before.", sent_again);
  std::vector<std::pair<std::string, uint64_t>> found;
  for (const policy::DetectionCounts::Count& count : detections.Read()) {
    found.emplace_back(
        absl::StrCat("field=\"", LabelValue(count.place), "\",detector=\"", LabelValue(count.detector), "\""),
        count.finds);
  }
  metrics.Counters("sallyport_masks_detections_total", "What detectors found for masks, by field and detector.", found);
  AddRefusals(metrics, refusals);
  return metrics.Take();
}

}  // namespace sallyport::gateway
