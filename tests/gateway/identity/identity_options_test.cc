// What the configuration says about who may call.
#include "gateway/identity/identity_options.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

struct Checked {
  IdentityOptions options;
  std::vector<std::string> faults;  // "key: problem"
};

Checked Check(const v1::IdentityConfig& identity, bool anonymous_by_default = true) {
  Checked checked;
  checked.options =
      CheckIdentity(identity, anonymous_by_default, [&](const std::string& key, absl::string_view problem) {
        checked.faults.push_back(absl::StrCat(key, ": ", problem));
      });
  return checked;
}

}  // namespace

TEST_CASE("which proof names a caller who shows several is as configured") {
  v1::IdentityConfig identity;
  CHECK(Check(identity).options.precedence ==
        std::vector<ProofKind>{ProofKind::kJwt, ProofKind::kApiKey, ProofKind::kMtls});
  for (const char* name : {"mtls", "jwt"}) identity.add_precedence(name);
  const Checked checked = Check(identity);
  CHECK(checked.faults.empty());
  CHECK(checked.options.precedence == std::vector<ProofKind>{ProofKind::kMtls, ProofKind::kJwt});
  identity.add_precedence("api_key");
  CHECK(Check(identity).options.precedence ==
        std::vector<ProofKind>{ProofKind::kMtls, ProofKind::kJwt, ProofKind::kApiKey});
}

TEST_CASE("a precedence that names no proof, or one twice, is a fault") {
  v1::IdentityConfig identity;
  identity.add_precedence("token");
  CHECK(Check(identity).faults ==
        std::vector<std::string>{"identity.precedence: \"token\" is none of jwt, api_key and mtls"});
  identity.set_precedence(0, "mtls");
  identity.add_precedence("mtls");
  CHECK(Check(identity).faults == std::vector<std::string>{"identity.precedence: names mtls twice"});
}

TEST_CASE("calls end with their callers' proofs unless they may finish") {
  v1::IdentityConfig identity;
  CHECK(Check(identity).options.end_expired_calls);
  identity.set_on_expiry("end");
  CHECK(Check(identity).options.end_expired_calls);
  identity.set_on_expiry("finish");
  CHECK_FALSE(Check(identity).options.end_expired_calls);
  identity.set_on_expiry("later");
  const Checked checked = Check(identity);
  CHECK(checked.faults == std::vector<std::string>{"identity.on_expiry: \"later\" is neither end nor finish"});
  CHECK(checked.options.end_expired_calls);
}

TEST_CASE("API keys need a file that can be read") {
  v1::IdentityConfig identity;
  identity.mutable_api_keys();
  CHECK(Check(identity).faults ==
        std::vector<std::string>{"identity.api_keys.file: is missing: the file that `sallyport "
                                 "keys issue-api-key` writes"});
  identity.mutable_api_keys()->set_file("/none/such");
  const Checked checked = Check(identity);
  REQUIRE(checked.faults.size() == 1);
  CHECK(checked.faults[0].find("identity.api_keys.file: ") == 0);
  CHECK(checked.faults[0].find("/none/such") != std::string::npos);
  // Whoever asks for proofs, however badly, does not let everybody in.
  CHECK_FALSE(checked.options.anonymous);
}

}  // namespace sallyport::gateway
