// What operators watch, as names and labels are to stay.
#include "gateway/operations/metrics/operations_text.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/time/clock.h"

namespace sallyport::gateway {
namespace {

bool Has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST_CASE("calls are told by method, with labels as gRPC's interceptors have them") {
  CallMetrics calls({});
  MethodCounts& incoming = calls.Incoming("/pay.v1.Payments/Get", CallType::kUnary);
  incoming.Start();
  incoming.Start();
  incoming.End(0, 1, 1, absl::Milliseconds(4));
  incoming.End(7, 1, 0, absl::Seconds(100));
  MethodCounts& outgoing = calls.Outgoing("pay\"ments", "/pay.v1.Payments/Get", CallType::kUnary);
  outgoing.Start();
  outgoing.End(0, 1, 1, absl::Milliseconds(2));
  const std::string text = OperationsText(calls, {});
  INFO(text);
  const std::string method = "grpc_type=\"unary\",grpc_service=\"pay.v1.Payments\",grpc_method=\"Get\"";
  CHECK(Has(text, "# TYPE grpc_server_started_total counter"));
  CHECK(Has(text, "grpc_server_started_total{" + method + "} 2"));
  CHECK(Has(text, "grpc_server_handled_total{" + method + ",grpc_code=\"OK\"} 1"));
  CHECK(Has(text, "grpc_server_handled_total{" + method + ",grpc_code=\"PermissionDenied\"} 1"));
  CHECK(text.find("grpc_code=\"NotFound\"") == std::string::npos);
  CHECK(Has(text, "grpc_server_msg_received_total{" + method + "} 2"));
  CHECK(Has(text, "grpc_server_msg_sent_total{" + method + "} 1"));
  CHECK(Has(text, "# TYPE grpc_server_handling_seconds histogram"));
  CHECK(Has(text, "grpc_server_handling_seconds_bucket{" + method + ",le=\"0.0025\"} 0"));
  CHECK(Has(text, "grpc_server_handling_seconds_bucket{" + method + ",le=\"0.005\"} 1"));
  CHECK(Has(text, "grpc_server_handling_seconds_bucket{" + method + ",le=\"60\"} 1"));
  CHECK(Has(text, "grpc_server_handling_seconds_bucket{" + method + ",le=\"+Inf\"} 2"));
  CHECK(Has(text, "grpc_server_handling_seconds_count{" + method + "} 2"));
  CHECK(Has(text, "grpc_server_handling_seconds_sum{" + method + "} 100.004"));
  CHECK(Has(text, "grpc_client_handled_total{upstream=\"pay\\\"ments\"," + method + ",grpc_code=\"OK\"} 1"));
  CHECK(Has(text, "grpc_client_handling_seconds_bucket{upstream=\"pay\\\"ments\"," + method + ",le=\"0.0025\"} 1"));
}

TEST_CASE("of a gateway that nobody has called every family is there") {
  const std::string text = OperationsText(CallMetrics({"examine"}), {});
  INFO(text);
  for (const char* name : {"grpc_server_started_total",
                           "grpc_server_handled_total",
                           "grpc_server_msg_received_total",
                           "grpc_server_msg_sent_total",
                           "grpc_server_handling_seconds",
                           "grpc_client_started_total",
                           "grpc_client_handled_total",
                           "grpc_client_msg_received_total",
                           "grpc_client_msg_sent_total",
                           "grpc_client_handling_seconds",
                           "sallyport_stage_seconds",
                           "sallyport_refusals_total",
                           "sallyport_limits_hit_total",
                           "sallyport_shadow_refusals_total",
                           "sallyport_limit_pauses_total",
                           "sallyport_masked_messages_total",
                           "sallyport_upstream_credential_age_seconds",
                           "sallyport_upstream_credential_expires_in_seconds",
                           "sallyport_upstream_credential_failures",
                           "sallyport_certificate_expires_in_seconds",
                           "sallyport_stream_window_bytes",
                           "sallyport_stream_writes_waiting",
                           "process_cpu_seconds_total",
                           "process_resident_memory_bytes",
                           "process_open_fds",
                           "process_max_fds",
                           "process_start_time_seconds"}) {
    INFO(name);
    CHECK(text.find(std::string("# HELP ") + name + " ") != std::string::npos);
    CHECK(text.find(std::string("# TYPE ") + name + " ") != std::string::npos);
  }
  CHECK(Has(text,
            "grpc_server_handled_total{grpc_type=\"unknown\",grpc_service=\"unknown\",grpc_method=\"unknown\","
            "grpc_code=\"OK\"} 0"));
  CHECK(Has(text, "sallyport_stage_seconds_count{stage=\"examine\"} 0"));
  CHECK(Has(text, "sallyport_masked_messages_total{direction=\"request\"} 0"));
  CHECK(text.find("sallyport_log_") == std::string::npos);
}

TEST_CASE("what the gateway refused is told by reason and rule, limits by their names") {
  CallMetrics calls({});
  calls.refusals().Add("ACCESS_DENIED", "no-refunds");
  calls.refusals().Add("UNAUTHENTICATED");
  calls.limits().Add("per-team");
  calls.shadow().Add("soon");
  calls.CountPause();
  calls.CountMasked(true);
  calls.CountMasked(false);
  calls.CountMasked(false);
  const std::string text = OperationsText(calls, {});
  INFO(text);
  CHECK(Has(text, "sallyport_refusals_total{reason=\"ACCESS_DENIED\",rule=\"no-refunds\"} 1"));
  CHECK(Has(text, "sallyport_refusals_total{reason=\"UNAUTHENTICATED\",rule=\"\"} 1"));
  CHECK(Has(text, "sallyport_limits_hit_total{limit=\"per-team\"} 1"));
  CHECK(Has(text, "sallyport_shadow_refusals_total{rule=\"soon\"} 1"));
  CHECK(Has(text, "sallyport_limit_pauses_total 1"));
  CHECK(Has(text, "sallyport_masked_messages_total{direction=\"request\"} 1"));
  CHECK(Has(text, "sallyport_masked_messages_total{direction=\"response\"} 2"));
}

TEST_CASE("the log, its disk and its checkpoints are told where there is a log") {
  OperationNumbers numbers;
  LogNumbers& log = numbers.log.emplace();
  log.commits = {{1'000'000, 10'000'000}, {1, 2, 3}, 5'000'000'000};
  log.syncs = {{1'000'000}, {4, 0}, 1'000};
  log.batches_waiting = 7;
  log.leaves_waiting = 8;
  log.checkpoint_age = absl::Seconds(90);
  log.sinks = {{"witness a", 3, absl::Seconds(5), true}, {"directory /b", 9, std::nullopt, false}};
  log.disk = {{{"log", 4096}}, 1000, 2000};
  const std::string text = OperationsText(CallMetrics({}), numbers);
  INFO(text);
  CHECK(Has(text, "sallyport_log_commit_seconds_bucket{le=\"0.001\"} 1"));
  CHECK(Has(text, "sallyport_log_commit_seconds_bucket{le=\"0.01\"} 3"));
  CHECK(Has(text, "sallyport_log_commit_seconds_bucket{le=\"+Inf\"} 6"));
  CHECK(Has(text, "sallyport_log_commit_seconds_sum 5"));
  CHECK(Has(text, "sallyport_log_sync_seconds_count 4"));
  CHECK(Has(text, "sallyport_log_queue_batches 7"));
  CHECK(Has(text, "sallyport_checkpoint_waiting_leaves 8"));
  CHECK(Has(text, "sallyport_checkpoint_age_seconds 90"));
  CHECK(Has(text, "sallyport_checkpoint_sink_ok{sink=\"witness a\"} 1"));
  CHECK(Has(text, "sallyport_checkpoint_sink_ok{sink=\"directory /b\"} 0"));
  CHECK(Has(text, "sallyport_checkpoint_sink_behind_leaves{sink=\"directory /b\"} 9"));
  CHECK(Has(text, "sallyport_checkpoint_sink_age_seconds{sink=\"witness a\"} 5"));
  CHECK(text.find("sallyport_checkpoint_sink_age_seconds{sink=\"directory /b\"}") == std::string::npos);
  CHECK(Has(text, "sallyport_data_bytes{part=\"log\"} 4096"));
  CHECK(Has(text, "sallyport_disk_free_bytes 1000"));
  CHECK(Has(text, "sallyport_disk_size_bytes 2000"));
}

TEST_CASE("credentials and certificates are told with their ages, and what is over is below zero") {
  OperationNumbers numbers;
  numbers.credentials = {{"etcd", "authorization", absl::Seconds(10), absl::Seconds(-1), 2},
                         {"etcd", "x-key", std::nullopt, std::nullopt, 0}};
  numbers.certificates = {{"listen", "", "cert", absl::Hours(-1)}, {"upstream", "etcd", "ca", absl::Hours(1)}};
  numbers.stream_window_bytes = 1 << 20;
  numbers.writes_under_way = 3;
  const std::string text = OperationsText(CallMetrics({}), numbers);
  INFO(text);
  CHECK(Has(text, "sallyport_upstream_credential_age_seconds{upstream=\"etcd\",metadata=\"authorization\"} 10"));
  CHECK(Has(text, "sallyport_upstream_credential_expires_in_seconds{upstream=\"etcd\",metadata=\"authorization\"} -1"));
  CHECK(Has(text, "sallyport_upstream_credential_failures{upstream=\"etcd\",metadata=\"authorization\"} 2"));
  CHECK(Has(text, "sallyport_upstream_credential_failures{upstream=\"etcd\",metadata=\"x-key\"} 0"));
  CHECK(text.find("age_seconds{upstream=\"etcd\",metadata=\"x-key\"}") == std::string::npos);
  CHECK(Has(text, "sallyport_certificate_expires_in_seconds{use=\"listen\",name=\"\",file=\"cert\"} -3600"));
  CHECK(Has(text, "sallyport_certificate_expires_in_seconds{use=\"upstream\",name=\"etcd\",file=\"ca\"} 3600"));
  CHECK(Has(text, "sallyport_stream_window_bytes 1048576"));
  CHECK(Has(text, "sallyport_stream_writes_waiting 3"));
}

TEST_CASE("the disk is told by part of the data directory, and what is not there counts as nothing") {
  const std::filesystem::path directory = std::filesystem::temp_directory_path() /
                                          ("sallyport-disk-" + std::to_string(std::rand()) + std::to_string(getpid()));
  std::filesystem::create_directories(directory / "log" / "deep");
  std::filesystem::create_directories(directory / "index");
  std::ofstream(directory / "log" / "one.seg") << std::string(100'000, 'x');
  std::ofstream(directory / "log" / "deep" / "two") << std::string(50'000, 'x');
  std::ofstream(directory / "lock") << "x";
  std::filesystem::create_symlink("/proc", directory / "elsewhere");
  const DiskNumbers numbers = ReadDiskNumbers(directory.string());
  REQUIRE(numbers.parts.size() == 3);
  CHECK(numbers.parts[0].name == "files");
  CHECK(numbers.parts[0].bytes > 0);
  CHECK(numbers.parts[0].bytes < 100'000);
  CHECK(numbers.parts[1].name == "index");
  CHECK(numbers.parts[1].bytes == 0);
  CHECK(numbers.parts[2].name == "log");
  CHECK(numbers.parts[2].bytes >= 150'000);
  CHECK(numbers.parts[2].bytes < 200'000);
  CHECK(numbers.free.value_or(0) > 0);
  CHECK(numbers.size.value_or(0) >= numbers.free.value_or(0));
  std::filesystem::remove_all(directory);
  CHECK(ReadDiskNumbers(directory.string()).parts.empty());
  CHECK_FALSE(ReadDiskNumbers(directory.string()).free.has_value());
}

TEST_CASE("the process tells what it takes") {
  const ProcessNumbers numbers = ReadProcessNumbers();
  CHECK(numbers.cpu_seconds >= 0);
  CHECK(numbers.resident_bytes > 1 << 20);
  CHECK(numbers.open_descriptors >= 3);
  CHECK(numbers.most_descriptors >= numbers.open_descriptors);
  CHECK(numbers.start_seconds > 1.6e9);
  CHECK(numbers.start_seconds < absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()) + 2);
}

}  // namespace
}  // namespace sallyport::gateway
