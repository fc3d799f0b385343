// Answers of OAuth token endpoints: what is accepted can be sent as metadata, and another parser agrees with it.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "gateway/upstream/credentials/secret_reader.h"
#include "gateway/upstream/credentials/token_answer.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {

void FuzzTokenAnswer(std::string_view input) {
  const auto plain = [](char c) { return c >= ' ' && c <= '~'; };
  for (const auto grant : {gateway::TokenGrant::kClientCredentials, gateway::TokenGrant::kExchange}) {
    const absl::StatusOr<gateway::TokenAnswer> answer = gateway::ParseTokenAnswer(input, grant);
    if (!answer.ok()) {
      const std::string message(answer.status().message());
      Require(message.size() < 200 && std::all_of(message.begin(), message.end(), plain), "a fault is told harmlessly");
      continue;
    }
    Require(gateway::CheckMetadataValue(answer->access_token.view()).ok(), "a token can be metadata");
    if (answer->lifetime.has_value()) {
      Require(*answer->lifetime > absl::ZeroDuration() && *answer->lifetime <= absl::Hours(24 * 30),
              "a lifetime is within bounds");
    }
    const nlohmann::json whole = nlohmann::json::parse(input.begin(), input.end(), nullptr, false);
    Require(whole.is_object() && whole.contains("access_token") && whole["access_token"].is_string() &&
                whole["access_token"].get<std::string>() == answer->access_token.view(),
            "the token is the member access_token of an object");
    Require(whole.contains("expires_in") == answer->lifetime.has_value(), "a lifetime is there if one was given");
  }
  const std::string_view error = gateway::TokenErrorOf(input);
  Require(error.size() < 40 && std::all_of(error.begin(), error.end(), plain),
          "an error is one of those that there are");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzTokenAnswer)
