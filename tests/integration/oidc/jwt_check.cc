// Says what tokens prove, with the gateway's own code and configuration.
//
// usage: jwt_check IDENTITY.yaml < LINES
//
// A line is a token, or "advance 90s", which sets the clock forward. Each token is answered with a line of JSON:
// {"subject": …} or {"code": …, "fault": …, "message": …}. Logs go to the standard error.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/synchronization/notification.h"
#include "gateway/identity/jwt/token_fault.h"
#include "gateway/identity/oidc/oidc_options.h"
#include "gateway/identity/oidc/token_verifier.h"
#include "protos/quantities.h"
#include "protos/yaml_message.h"
#include "sallyport/v1/identity.pb.h"

namespace sallyport::gateway {
namespace {

std::atomic<int64_t> advanced_ns = 0;
absl::Time Now() { return absl::Now() + absl::Nanoseconds(advanced_ns.load()); }

nlohmann::json Describe(const ProofResult& result) {
  if (result.ok()) {
    return {{"issuer", (*result)->issuer},
            {"subject", (*result)->subject},
            {"groups", (*result)->groups},
            {"credential", (*result)->credential},
            {"expires_in", absl::ToInt64Seconds((*result)->expires - Now())}};
  }
  const std::optional<TokenFault> fault = FaultOf(result.status());
  return {{"code", absl::StatusCodeToString(result.status().code())},
          {"fault", fault.has_value() ? std::string(FaultName(*fault)) : ""},
          {"message", std::string(result.status().message())}};
}

ProofResult Verify(TokenVerifier& verifier, const std::string& token) {
  absl::Notification answered;
  ProofResult answer;
  const std::optional<ProofResult> known = verifier.Verify(token, Now(), [&](ProofResult result) {
    answer = std::move(result);
    answered.Notify();
  });
  if (known.has_value()) return *known;
  answered.WaitForNotification();
  return answer;
}

int Run(const std::string& path) {
  v1::IdentityConfig config;
  if (absl::Status status = ReadYamlFile(path, &config); !status.ok()) {
    std::cerr << status.message() << '\n';
    return 2;
  }
  const CheckedOidc checked = CheckOidc(config.oidc(), "oidc");
  for (const ConfigurationProblem& problem : checked.problems)
    std::cerr << problem.key << ": " << problem.problem << '\n';
  if (!checked.problems.empty()) return 2;
  TokenVerifier::Environment environment;
  environment.clock = &Now;
  const auto verifier = TokenVerifier::Create(checked.issuers, environment);
  if (!verifier.ok()) {
    std::cerr << verifier.status() << '\n';
    return 3;
  }
  (*verifier)->Start();
  for (std::string line; std::getline(std::cin, line);) {
    if (absl::StartsWith(line, "advance ")) {
      const absl::StatusOr<absl::Duration> time = ParseDuration(line.substr(8));
      if (!time.ok()) return 2;
      advanced_ns += absl::ToInt64Nanoseconds(*time);
    } else {
      std::cout << Describe(Verify(**verifier, line)).dump() << std::endl;
    }
  }
  return 0;
}

}  // namespace
}  // namespace sallyport::gateway

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: jwt_check IDENTITY.yaml < LINES\n";
    return 2;
  }
  spdlog::set_default_logger(spdlog::stderr_logger_mt("jwt_check"));
  return sallyport::gateway::Run(argv[1]);
}
