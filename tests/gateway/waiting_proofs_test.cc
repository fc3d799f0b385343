// Calls that wait for the proof of who makes them, and what they are then held to.
#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "tests/fakes/http_server.h"
#include "tests/gateway/identity/jwt/token_maker.h"
#include "tests/gateway/rig.h"

namespace sallyport::gateway {
namespace {

using testing::BlockingCall;
using testing::kUnary;
using testing::Rig;
using testing::ScriptedCall;

TEST_CASE("calls that waited for their proof are let in no faster than others") {
  constexpr int kEach = 40;
  constexpr double kRate = 2;
  constexpr int kBurst = 5;
  const TokenKey key = TokenKey::Make("P-256");
  // The issuer's keys, which nobody gets before all calls wait for them.
  absl::Notification all_wait;
  testing::HttpServer issuer([&](const testing::ReceivedRequest&) {
    all_wait.WaitForNotificationWithTimeout(absl::Seconds(60));
    return testing::HttpAnswer("200 OK", JwksText({key.Jwk("k")}), "Content-Type: application/json\r\n");
  });
  const std::string token =
      absl::StrCat("Bearer ", Signed(Unsigned(Header("ES256", "k"), Claims(absl::Now())), "ES256", key));
  testing::TemporaryDirectory directory;
  const std::string policy = directory.path() + "/policy.yaml";
  std::ofstream(policy) << "access: {default: allow}\nlimits: [{name: l, calls_per_second: " << kRate
                        << ", burst: " << kBurst << "}]\n";
  Rig rig({{kUnary,
            [](ScriptedCall& call) {
              call.Write(call.Read().value_or(""));
              return grpc::Status::OK;
            }}},
          testing::Methods::kKnown, [&](GatewayOptions& options) {
            OidcIssuerOptions from;
            from.rules.issuer = kIssuer;
            from.rules.audiences = {kAudience};
            from.rules.algorithms = {*FindAlgorithm("ES256")};
            from.keys.jwks_url = issuer.url() + "/keys";
            options.identity.issuers = {from};
            options.policy_file = policy;
          });
  std::vector<std::unique_ptr<BlockingCall>> calls;
  const auto begin = [&] {
    calls.push_back(std::make_unique<BlockingCall>(rig.channel(), kUnary));
    calls.back()->context().AddMetadata("authorization", token);
    calls.back()->Start();
    calls.back()->Write("x", grpc::WriteOptions().set_last_message());
  };
  for (int i = 0; i < kEach; ++i) begin();
  // So long that a bucket is full again.
  const absl::Time full = absl::Now() + absl::Seconds((kBurst + 1) / kRate);
  while (absl::Now() < full) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  for (int i = 0; i < kEach; ++i) begin();
  const absl::Time released = absl::Now();
  all_wait.Notify();
  int admitted = 0;
  int limited = 0;
  for (const std::unique_ptr<BlockingCall>& call : calls) {
    call->Read();
    const grpc::Status status = call->Finish();
    INFO(status.error_message());
    if (status.ok()) ++admitted;
    if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) ++limited;
  }
  const double most = kBurst + kRate * absl::ToDoubleSeconds(absl::Now() - released) + 1;
  CHECK(admitted >= 1);
  CHECK(admitted <= most);
  CHECK(admitted + limited == 2 * kEach);
}

}  // namespace
}  // namespace sallyport::gateway
