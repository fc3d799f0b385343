// Whether the gateway serves, as probes ask it.
#include <grpcpp/create_channel.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/http/http_client.h"
#include "grpc/health/v1/health.pb.h"
#include "recorder/api_keys/api_key_file.h"
#include "tests/gateway/rig.h"

namespace sallyport::gateway {
namespace {

namespace hpb = grpc::health::v1;
using hpb::HealthCheckResponse;
using testing::BlockingCall;
using testing::CallUnary;
using testing::kUnary;
using testing::Methods;
using testing::Rig;
using testing::ScriptedCall;
using testing::ScriptedServer;

constexpr char kCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kWatch[] = "/grpc.health.v1.Health/Watch";

std::string Question(const std::string& service) {
  hpb::HealthCheckRequest request;
  request.set_service(service);
  return request.SerializeAsString();
}

std::string Answer(HealthCheckResponse::ServingStatus status) {
  HealthCheckResponse response;
  response.set_status(status);
  return response.SerializeAsString();
}

int StatusIn(const std::optional<std::string>& answer) {
  HealthCheckResponse response;
  if (!answer.has_value() || !response.ParseFromString(*answer)) return -1;
  return response.status();
}

// An upstream whose service changes from serving to not serving when told.
class Ailing {
 public:
  Ailing()
      : server_({{kCheck, [this](ScriptedCall& call) { return Check(call); }},
                 {kWatch, [this](ScriptedCall& call) { return Watch(call); }}}) {}
  const std::string& address() const { return server_.address(); }
  void Fall() { well_ = false; }

 private:
  std::string Now() const { return Answer(well_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING); }
  grpc::Status Check(ScriptedCall& call) {
    if (call.Read() != Question("pay.Service")) return {grpc::StatusCode::NOT_FOUND, "another question"};
    call.Write(Now());
    return grpc::Status::OK;
  }
  grpc::Status Watch(ScriptedCall& call) {
    call.Read();
    call.Write(Now());
    while (well_ && !call.cancelled()) absl::SleepFor(absl::Milliseconds(10));
    call.Write(Now());
    call.AwaitCancel();
    return grpc::Status::CANCELLED;
  }

  std::atomic<bool> well_{true};
  ScriptedServer server_;
};

// Two upstreams, API keys for everything, a policy that allows nothing of health, and a mask, as far as asked for.
struct Setting {
  bool open = true;
  bool several = true;
  std::string policy = "access: {default: deny}\n";
};

class Probed {
 public:
  explicit Probed(const Setting& setting)
      : rig_({{kCheck,
               [](ScriptedCall& call) {
                 call.Read();
                 call.Write(Answer(HealthCheckResponse::NOT_SERVING));
                 return grpc::Status::OK;
               }}},
             Methods::kKnown, [&](GatewayOptions& options) { Adjust(setting, options); }) {}

  Rig& rig() { return rig_; }
  Ailing& other() { return other_; }
  testing::UnaryResult Check(const std::string& service) {
    return CallUnary(rig_.channel(), kCheck, Question(service));
  }
  const std::string& key() const { return key_; }

 private:
  void Adjust(const Setting& setting, GatewayOptions& options) {
    const std::string keys = directory_.path() + "/keys";
    auto key = recorder::IssueApiKey(keys, "ci", {}, absl::Now(), absl::InfiniteFuture(), recorder::RealFileSystem());
    REQUIRE(key.ok());
    key_ = std::string(key->text.view());
    v1::Config config = options.source;
    config.mutable_identity()->mutable_api_keys()->set_file(keys);
    config.mutable_listen()->set_health(setting.open ? v1::Listen::by_address : v1::Listen::authenticated);
    if (!setting.policy.empty()) {
      const std::string policy = directory_.path() + "/policy.yaml";
      std::ofstream(policy) << setting.policy;
      config.set_policy(policy);
    }
    if (setting.several) {
      (*config.mutable_upstreams())["other"].set_target(other_.address());
      v1::Route* pay = config.add_routes();
      pay->add_methods("pay.*/Get");
      pay->set_upstream("other");
      v1::Route* echo = config.add_routes();
      echo->add_services("test.*");
      echo->set_upstream("upstream");
    }
    config.mutable_admin()->set_address("127.0.0.1:0");
    const std::vector<std::string> files = options.descriptor_files;
    absl::StatusOr<GatewayOptions> checked = CheckConfiguration(config, "test", {});
    INFO(checked.status());
    REQUIRE(checked.ok());
    options = *std::move(checked);
    options.descriptor_files = files;
  }

  testing::TemporaryDirectory directory_;
  std::string key_;
  Ailing other_;
  Rig rig_;
};

struct Page {
  int status = 0;
  std::string body;
};
Page Get(const Gateway& gateway, const std::string& path) {
  auto client = HttpClient::Create({});
  REQUIRE(client.ok());
  auto response = (*client)->Send({HttpMethod::kGet, "http://" + gateway.admin_address() + path, {}, ""});
  INFO(response.status());
  REQUIRE(response.ok());
  return {static_cast<int>(response->status), response->body};
}

}  // namespace

TEST_CASE("with several upstreams the gateway says itself that it serves, without credentials and rules") {
  const std::string masks = GENERATE(
      std::string(), std::string("masks: [{name: all, detect: [ipv4], with: redact, views: [record, caller]}]\n"));
  Setting setting;
  setting.policy += masks;
  Probed probed(setting);
  const testing::UnaryResult own = probed.Check("");
  INFO(own.status.error_message());
  CHECK(StatusIn(own.response) == HealthCheckResponse::SERVING);
  CHECK(CallUnary(probed.rig().channel(), kUnary, "x").status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  const auto calls = probed.rig().Calls();
  REQUIRE(calls.size() == 2);
  CHECK(calls[0].upstream == "sallyport");
}

TEST_CASE("a service is asked for where routes lead to it") {
  Probed probed({});
  CHECK(StatusIn(probed.Check("pay.Service").response) == HealthCheckResponse::SERVING);
  probed.other().Fall();
  CHECK(StatusIn(probed.Check("pay.Service").response) == HealthCheckResponse::NOT_SERVING);
  CHECK(StatusIn(probed.Check("test.v1.Echo").response) == HealthCheckResponse::NOT_SERVING);
  CHECK(probed.Check("no.Service").status.error_code() == grpc::StatusCode::NOT_FOUND);
  CHECK(probed.Check("pay.Other").status.error_message() == "another question");
  CHECK(CallUnary(probed.rig().channel(), kCheck, "\xff").status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("who watches hears of changes, of the gateway as of a service") {
  Probed probed({});
  BlockingCall own(probed.rig().channel(), kWatch), pay(probed.rig().channel(), kWatch),
      none(probed.rig().channel(), kWatch);
  REQUIRE(own.Start());
  REQUIRE(own.Write(Question(""), grpc::WriteOptions().set_last_message()));
  CHECK(StatusIn(own.Read()) == HealthCheckResponse::SERVING);
  REQUIRE(pay.Start());
  REQUIRE(pay.Write(Question("pay.Service"), grpc::WriteOptions().set_last_message()));
  CHECK(StatusIn(pay.Read()) == HealthCheckResponse::SERVING);
  REQUIRE(none.Start());
  REQUIRE(none.Write(Question("no.Service"), grpc::WriteOptions().set_last_message()));
  CHECK(StatusIn(none.Read()) == HealthCheckResponse::SERVICE_UNKNOWN);
  probed.other().Fall();
  CHECK(StatusIn(pay.Read()) == HealthCheckResponse::NOT_SERVING);
  pay.context().TryCancel();
  CHECK(pay.Finish().error_code() == grpc::StatusCode::CANCELLED);
  none.context().TryCancel();
  CHECK(none.Finish().error_code() == grpc::StatusCode::CANCELLED);
  CHECK(probed.rig().gateway().Shutdown(absl::Seconds(30)).ok());
  CHECK(StatusIn(own.Read()) == HealthCheckResponse::NOT_SERVING);
  CHECK(own.Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("with one upstream health is that upstream's, also without credentials") {
  Setting setting;
  setting.several = false;
  Probed probed(setting);
  CHECK(StatusIn(probed.Check("").response) == HealthCheckResponse::NOT_SERVING);
}

TEST_CASE("health is asked with credentials and by the policy where it is not open") {
  Setting setting;
  setting.open = false;
  const bool allowed = GENERATE(false, true);
  if (allowed)
    setting.policy =
        "access: {default: deny, rules: [{name: h, match: {methods: [\"grpc.health.*\"]}, action: allow}]}\n";
  Probed probed(setting);
  CHECK(probed.Check("").status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  BlockingCall call(probed.rig().channel(), kCheck);
  call.context().AddMetadata("authorization", "Bearer " + probed.key());
  REQUIRE(call.Start());
  call.Write(Question(""), grpc::WriteOptions().set_last_message());
  const auto answer = call.Read();
  const grpc::Status status = call.Finish();
  CHECK(status.error_code() == (allowed ? grpc::StatusCode::OK : grpc::StatusCode::PERMISSION_DENIED));
  CHECK(StatusIn(answer) == (allowed ? HealthCheckResponse::SERVING : -1));
}

TEST_CASE("the admin endpoint says that the gateway is alive, and that it is ready") {
  Probed probed({});
  for (const char* path : {"/healthz", "/readyz"}) {
    const Page page = Get(probed.rig().gateway(), path);
    CHECK(page.status == 200);
    CHECK(page.body == "ok\n");
  }
}

}  // namespace sallyport::gateway
