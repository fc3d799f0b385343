// What monitoring is told, asked for as a monitoring system asks.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gateway/http/http_client.h"
#include "tests/gateway/rig.h"

namespace sallyport::gateway {
namespace {

using testing::BlockingCall;
using testing::kUnary;
using testing::Methods;
using testing::Rig;
using testing::ScriptedCall;
using testing::TemporaryDirectory;

grpc::Status Echo(ScriptedCall& call) {
  call.Write(call.Read().value_or(""));
  return grpc::Status::OK;
}

std::string MetricsOf(const Gateway& gateway) {
  auto client = HttpClient::Create({});
  REQUIRE(client.ok());
  auto response = (*client)->Send({HttpMethod::kGet, "http://" + gateway.admin_address() + "/metrics", {}, ""});
  INFO(response.status());
  REQUIRE(response.ok());
  REQUIRE(response->status == 200);
  return response->body;
}

// The value of a metric without labels, which must be there once, with its help and type.
std::string Value(const std::string& metrics, const std::string& name) {
  INFO(metrics);
  REQUIRE(metrics.find("# HELP " + name + " ") != std::string::npos);
  REQUIRE(metrics.find("# TYPE " + name + " ") != std::string::npos);
  const size_t at = metrics.find("\n" + name + " ");
  REQUIRE(at != std::string::npos);
  REQUIRE(metrics.find("\n" + name + " ", at + 1) == std::string::npos);
  const size_t begin = at + name.size() + 2;
  return metrics.substr(begin, metrics.find('\n', begin) - begin);
}

Rig::Adjust WithAdmin(const std::string& data = "") {
  return [data](GatewayOptions& options) {
    options.admin_address = "127.0.0.1:0";
    if (!data.empty()) options.data_directory = data;
  };
}

void CallOnce(Rig& rig) {
  BlockingCall call(rig.channel(), kUnary);
  call.Start();
  call.Write("x", grpc::WriteOptions().set_last_message());
  REQUIRE(call.Read() == "x");
  REQUIRE(call.Finish().ok());
}

TEST_CASE("metrics tell what was recorded") {
  Rig rig({{kUnary, Echo}}, Methods::kKnown, WithAdmin());
  CHECK(Value(MetricsOf(rig.gateway()), "sallyport_recorder_calls_open") == "0");
  CallOnce(rig);
  const std::string metrics = MetricsOf(rig.gateway());
  CHECK(Value(metrics, "sallyport_recording") == "1");
  CHECK(Value(metrics, "sallyport_recorder_damaged_places") == "0");
  CHECK(std::stoi(Value(metrics, "sallyport_recorder_entries_written_total")) > 2);
  CHECK(std::stoi(Value(metrics, "sallyport_recorder_written_bytes_total")) > 0);
  CHECK(Value(metrics, "sallyport_recorder_keys_ok") == "1");
  CHECK(Value(metrics, "sallyport_recorder_index_ok") == "1");
}

TEST_CASE("every call is counted once, by its method where descriptors know it, refused ones too") {
  TemporaryDirectory directory;
  const std::string policy = directory.path() + "/policy.yaml";
  std::ofstream(policy) << "access: {default: allow, rules: [{name: closed, match: {metadata: {x-closed: \"*\"}}, "
                           "action: deny}]}\n";
  Rig rig({{kUnary, Echo}}, Methods::kKnown, [&](GatewayOptions& options) {
    WithAdmin()(options);
    options.policy_file = policy;
  });
  CallOnce(rig);
  CallOnce(rig);
  BlockingCall refused(rig.channel(), kUnary);
  refused.context().AddMetadata("x-closed", "1");
  refused.Start();
  CHECK(refused.Finish().error_code() == grpc::StatusCode::PERMISSION_DENIED);
  BlockingCall unknown(rig.channel(), "/made.Up/Method");
  unknown.Start();
  unknown.HalfClose();
  CHECK(unknown.Finish().error_code() == grpc::StatusCode::UNIMPLEMENTED);
  const std::string metrics = MetricsOf(rig.gateway());
  INFO(metrics);
  const std::string path(kUnary);
  const size_t slash = path.rfind('/');
  const std::string labels = "{grpc_type=\"unary\",grpc_service=\"" + path.substr(1, slash - 1) + "\",grpc_method=\"" +
                             path.substr(slash + 1) + "\"";
  const auto has = [&](const std::string& line) { return metrics.find("\n" + line + "\n") != std::string::npos; };
  CHECK(has("grpc_server_started_total" + labels + "} 3"));
  CHECK(has("grpc_server_handled_total" + labels + ",grpc_code=\"OK\"} 2"));
  CHECK(has("grpc_server_handled_total" + labels + ",grpc_code=\"PermissionDenied\"} 1"));
  CHECK(has("grpc_server_handling_seconds_count" + labels + "} 3"));
  CHECK(has("grpc_server_msg_received_total" + labels + "} 2"));
  CHECK(has("sallyport_refusals_total{reason=\"ACCESS_DENIED\",rule=\"closed\"} 1"));
  CHECK(has("grpc_server_started_total{grpc_type=\"unknown\",grpc_service=\"unknown\",grpc_method=\"unknown\"} 1"));
  CHECK(metrics.find("made.Up") == std::string::npos);
}

TEST_CASE("a log that is damaged raises a metric, and the gateway goes on with a new segment") {
  TemporaryDirectory directory;
  const std::string data = directory.path() + "/data";
  {
    Rig rig({{kUnary, Echo}}, Methods::kKnown, WithAdmin(data));
    CallOnce(rig);
    REQUIRE(rig.gateway().Shutdown(absl::Seconds(5)).ok());
  }
  std::vector<std::filesystem::path> segments;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data)) {
    if (entry.path().extension() == ".seg") segments.push_back(entry.path());
  }
  REQUIRE(segments.size() == 1);
  std::fstream segment(segments[0], std::ios::in | std::ios::out | std::ios::binary);
  segment.seekg(200);
  const char byte = static_cast<char>(segment.get());
  segment.seekp(200);
  segment.put(static_cast<char>(byte ^ 1));
  segment.close();
  // Without its index the whole log is read again.
  std::filesystem::remove_all(data + "/index");

  Rig rig({{kUnary, Echo}}, Methods::kKnown, WithAdmin(data));
  CallOnce(rig);
  CHECK(Value(MetricsOf(rig.gateway()), "sallyport_recorder_damaged_places") == "1");
}

TEST_CASE("a gateway that records nothing says so") {
  Rig rig({{kUnary, Echo}}, Methods::kKnown, [](GatewayOptions& options) {
    options.admin_address = "127.0.0.1:0";
    options.durability = Durability::kOff;
  });
  const std::string metrics = MetricsOf(rig.gateway());
  CHECK(Value("\n" + metrics, "sallyport_recording") == "0");
  CHECK(metrics.find("sallyport_recorder_") == std::string::npos);
}

}  // namespace
TEST_CASE("metrics tell in which fields detectors found something, and never what") {
  TemporaryDirectory directory;
  const std::string policy = directory.path() + "/policy.yaml";
  std::ofstream(policy) << "access: {default: allow}\nmasks: [{name: m, detect: [payment_card, \"odd*\"]}]\n"
                           "detectors: [{name: \"odd\\\"name\", pattern: \"qwerty\"}]\n";
  Rig rig({{kUnary, Echo}}, Methods::kKnown, [&](GatewayOptions& options) {
    WithAdmin()(options);
    options.policy_file = policy;
  });
  const std::string text = "4111 1111 1111 1111 and qwerty";
  const std::string message = "\x0a" + std::string(1, static_cast<char>(text.size())) + text;
  BlockingCall call(rig.channel(), kUnary);
  call.context().AddMetadata("x-note", "4111111111111111");
  call.Start();
  call.Write(message, grpc::WriteOptions().set_last_message());
  REQUIRE(call.Read() == message);
  REQUIRE(call.Finish().ok());
  const std::string metrics = MetricsOf(rig.gateway());
  INFO(metrics);
  const std::string name = "\nsallyport_masks_detections_total{field=\"";
  CHECK(metrics.find(name + "test.v1.Text.text\",detector=\"payment_card\"} 2\n") != std::string::npos);
  CHECK(metrics.find(name + "test.v1.Text.text\",detector=\"odd\\\"name\"} 2\n") != std::string::npos);
  CHECK(metrics.find(name + "(metadata)\",detector=\"payment_card\"} 1\n") != std::string::npos);
  CHECK(metrics.find("4111") == std::string::npos);
  CHECK(metrics.find("x-note") == std::string::npos);
}

}  // namespace sallyport::gateway
