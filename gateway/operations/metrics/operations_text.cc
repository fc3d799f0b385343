#include "gateway/operations/metrics/operations_text.h"

#include "gateway/operations/metrics/metric_families.h"

namespace sallyport::gateway {
namespace {

using Labels = MetricFamilies::Labels;
using Type = MetricFamilies::Type;

// The families of one side, as gRPC's own interceptors name them.
struct Side {
  const char* started[2];
  const char* handled[2];
  const char* received[2];
  const char* sent[2];
  const char* seconds[2];
};
constexpr Side kServer = {
    {"grpc_server_started_total", "Calls that came in."},
    {"grpc_server_handled_total", "Calls that came in and are over, by what their callers were told."},
    {"grpc_server_msg_received_total", "Messages from callers."},
    {"grpc_server_msg_sent_total", "Messages to callers."},
    {"grpc_server_handling_seconds", "From the call's arrival until its caller was told its end."}};
constexpr Side kClient = {{"grpc_client_started_total", "Calls to upstreams."},
                          {"grpc_client_handled_total", "Calls to upstreams that are over, by what the upstream said."},
                          {"grpc_client_msg_received_total", "Messages from upstreams."},
                          {"grpc_client_msg_sent_total", "Messages to upstreams."},
                          {"grpc_client_handling_seconds", "From the call's opening until the upstream's end of it."}};

Labels LabelsOf(const CallMetrics::Labels& labels, bool client) {
  Labels made;
  if (client) made.emplace_back("upstream", labels.upstream);
  made.emplace_back("grpc_type", CallTypeName(labels.type));
  made.emplace_back("grpc_service", labels.service);
  made.emplace_back("grpc_method", labels.method);
  return made;
}

void AddMethods(MetricFamilies& families, const std::vector<CallMetrics::Named>& methods, const Side& side,
                bool client) {
  const auto counts = [&](const char* const(&about)[2], uint64_t MethodCounts::Numbers::*number) {
    families.Begin(about[0], about[1], Type::Counter);
    for (const CallMetrics::Named& method : methods) {
      families.Add(LabelsOf(method.labels, client), static_cast<double>(method.numbers.*number));
    }
  };
  counts(side.started, &MethodCounts::Numbers::started);
  families.Begin(side.handled[0], side.handled[1], Type::Counter);
  for (const CallMetrics::Named& method : methods) {
    for (size_t code = 0; code < kStatusCodes; ++code) {
      // OK is there from the beginning; the others once they have been.
      if (code != 0 && method.numbers.handled[code] == 0) continue;
      Labels labels = LabelsOf(method.labels, client);
      labels.emplace_back("grpc_code", StatusCodeName(code));
      families.Add(labels, static_cast<double>(method.numbers.handled[code]));
    }
  }
  counts(side.received, &MethodCounts::Numbers::received);
  counts(side.sent, &MethodCounts::Numbers::sent);
  families.Begin(side.seconds[0], side.seconds[1], Type::Histogram);
  for (const CallMetrics::Named& method : methods) {
    families.AddTimes(LabelsOf(method.labels, client), kCallBounds, method.numbers.took,
                      method.numbers.took_nanoseconds);
  }
}

void AddStages(MetricFamilies& families, const CallMetrics& calls) {
  families.Begin("sallyport_stage_seconds", "How long each stage of a call's admission took, waits included.",
                 Type::Histogram);
  for (const CallMetrics::StageNumbers& stage : calls.Stages()) {
    families.AddTimes({{"stage", stage.stage}}, kStageBounds, stage.took, stage.took_nanoseconds);
  }
}

void AddNamed(MetricFamilies& families, const char* name, const char* help, const char* first, const char* second,
              const NamedCounts& counts) {
  families.Begin(name, help, Type::Counter);
  for (const NamedCounts::Count& count : counts.Read()) {
    Labels labels = {{first, count.first}};
    if (second != nullptr) labels.emplace_back(second, count.second);
    families.Add(labels, static_cast<double>(count.count));
  }
}

void AddRefusals(MetricFamilies& families, const CallMetrics& calls) {
  AddNamed(families, "sallyport_refusals_total",
           "Calls that the gateway refused or ended by itself, by reason and by the policy's rule or limit, if any.",
           "reason", "rule", calls.refusals());
  AddNamed(families, "sallyport_limits_hit_total", "Calls that were refused or ended for a limit.", "limit", nullptr,
           calls.limits());
  AddNamed(families, "sallyport_shadow_refusals_total", "Calls that rules or limits in shadow would have refused.",
           "rule", nullptr, calls.shadow());
  families.Counter("sallyport_limit_pauses_total", "Messages that were read later for a limit on bytes.",
                   static_cast<double>(calls.pauses()));
  families.Begin("sallyport_masked_messages_total", "Messages in which masks hid something.", Type::Counter);
  families.Add({{"direction", "request"}}, static_cast<double>(calls.masked(true)));
  families.Add({{"direction", "response"}}, static_cast<double>(calls.masked(false)));
}

void AddCheckpoints(MetricFamilies& families, const LogNumbers& log) {
  families.Gauge("sallyport_checkpoint_waiting_leaves", "Leaves of the log's tree that no checkpoint covers yet.",
                 static_cast<double>(log.leaves_waiting));
  families.Begin("sallyport_checkpoint_age_seconds",
                 "Since the last checkpoint was signed, if one was since the start.", Type::Gauge);
  if (log.checkpoint_age.has_value()) families.Add({}, absl::ToDoubleSeconds(*log.checkpoint_age));
  families.Begin("sallyport_checkpoint_sink_ok", "1 while the sink (directory, URL or witness) takes checkpoints.",
                 Type::Gauge);
  for (const LogNumbers::Sink& sink : log.sinks) families.Add({{"sink", sink.name}}, sink.ok ? 1 : 0);
  families.Begin("sallyport_checkpoint_sink_behind_leaves",
                 "Leaves that the sink has not been given a checkpoint over.", Type::Gauge);
  for (const LogNumbers::Sink& sink : log.sinks) families.Add({{"sink", sink.name}}, static_cast<double>(sink.behind));
  families.Begin("sallyport_checkpoint_sink_age_seconds",
                 "Since the sink took a checkpoint, if it has since the start.", Type::Gauge);
  for (const LogNumbers::Sink& sink : log.sinks) {
    if (sink.age.has_value()) families.Add({{"sink", sink.name}}, absl::ToDoubleSeconds(*sink.age));
  }
}

void AddLog(MetricFamilies& families, const LogNumbers& log) {
  families.Begin("sallyport_log_commit_seconds", "From the oldest entry of a block until all of it was synced.",
                 Type::Histogram);
  families.AddTimes({}, log.commits.bounds, log.commits.counts, log.commits.nanoseconds);
  families.Begin("sallyport_log_sync_seconds", "How long the disk took for each sync.", Type::Histogram);
  families.AddTimes({}, log.syncs.bounds, log.syncs.counts, log.syncs.nanoseconds);
  families.Gauge("sallyport_log_queue_batches", "Batches that are taken in and not yet written.",
                 static_cast<double>(log.batches_waiting));
  families.Begin("sallyport_data_bytes", "What the data directory takes on disk, by part.", Type::Gauge);
  for (const DiskNumbers::Part& part : log.disk.parts) {
    families.Add({{"part", part.name}}, static_cast<double>(part.bytes));
  }
  families.Begin("sallyport_disk_free_bytes", "What the gateway can still write on the disk of its data.", Type::Gauge);
  if (log.disk.free.has_value()) families.Add({}, static_cast<double>(*log.disk.free));
  families.Begin("sallyport_disk_size_bytes", "The disk of the data.", Type::Gauge);
  if (log.disk.size.has_value()) families.Add({}, static_cast<double>(*log.disk.size));
  AddCheckpoints(families, log);
}

void AddAges(MetricFamilies& families, const OperationNumbers& numbers) {
  families.Begin("sallyport_upstream_credential_age_seconds", "Since the credential was fetched.", Type::Gauge);
  for (const CredentialNumbers& credential : numbers.credentials) {
    if (!credential.age.has_value()) continue;
    families.Add({{"upstream", credential.upstream}, {"metadata", credential.name}},
                 absl::ToDoubleSeconds(*credential.age));
  }
  families.Begin("sallyport_upstream_credential_expires_in_seconds",
                 "Until the credential is not shown any more, for those that expire.", Type::Gauge);
  for (const CredentialNumbers& credential : numbers.credentials) {
    if (!credential.expires_in.has_value()) continue;
    families.Add({{"upstream", credential.upstream}, {"metadata", credential.name}},
                 absl::ToDoubleSeconds(*credential.expires_in));
  }
  families.Begin("sallyport_upstream_credential_failures",
                 "Attempts in a row that failed to fetch the credential; 0 once one succeeds.", Type::Gauge);
  for (const CredentialNumbers& credential : numbers.credentials) {
    families.Add({{"upstream", credential.upstream}, {"metadata", credential.name}},
                 static_cast<double>(credential.failures));
  }
  families.Begin("sallyport_certificate_expires_in_seconds",
                 "Until the first certificate of the file expires; negative once it has.", Type::Gauge);
  for (const CertificateNumbers& certificate : numbers.certificates) {
    families.Add({{"use", certificate.use}, {"name", certificate.name}, {"file", certificate.file}},
                 absl::ToDoubleSeconds(certificate.expires_in));
  }
}

void AddProcess(MetricFamilies& families, const OperationNumbers& numbers) {
  families.Gauge("sallyport_stream_window_bytes", "What the other side of a stream may send ahead of what is read.",
                 static_cast<double>(numbers.stream_window_bytes));
  families.Gauge("sallyport_stream_writes_waiting", "Messages of streams that callers have not taken yet.",
                 static_cast<double>(numbers.writes_under_way));
  const ProcessNumbers& process = numbers.process;
  families.Counter("process_cpu_seconds_total", "Processor time of the gateway.", process.cpu_seconds);
  families.Gauge("process_resident_memory_bytes", "Memory of the gateway.",
                 static_cast<double>(process.resident_bytes));
  families.Gauge("process_open_fds", "Descriptors of the gateway.", static_cast<double>(process.open_descriptors));
  families.Gauge("process_max_fds", "Descriptors that the gateway may have.",
                 static_cast<double>(process.most_descriptors));
  families.Gauge("process_start_time_seconds", "When the gateway started, since the Unix epoch.",
                 process.start_seconds);
}

}  // namespace

std::string OperationsText(const CallMetrics& calls, const OperationNumbers& numbers) {
  MetricFamilies families;
  AddMethods(families, calls.Incoming(), kServer, /*client=*/false);
  AddMethods(families, calls.Outgoing(), kClient, /*client=*/true);
  AddStages(families, calls);
  AddRefusals(families, calls);
  if (numbers.log.has_value()) AddLog(families, *numbers.log);
  AddAges(families, numbers);
  AddProcess(families, numbers);
  return families.Text();
}

}  // namespace sallyport::gateway
